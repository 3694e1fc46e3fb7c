# Fills TEMPLATE with the version and the git revision; run at every build, rewrites OUTPUT only on a change.
# A source tree without git has no revision, and that is fine.
foreach(item "REVISION;rev-parse;--short=12;HEAD" "BRANCH;rev-parse;--abbrev-ref;HEAD" "DATE;log;-1;--format=%cI")
  list(POP_FRONT item name)
  execute_process(COMMAND git ${item} WORKING_DIRECTORY ${SOURCE_DIR}
                  OUTPUT_VARIABLE ${name} OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(${name} "")
  endif()
endforeach()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)

# silverback_room(<name> [DEPENDS <rooms>] [LINKS <targets>] SOURCES <files beside the caller>)
#
# One static library per room, and one test that its #includes follow its arrows. Every file
# *_fuzz.cpp in the room becomes a fuzz target of that name when SILVERBACK_FUZZ is on.
function(silverback_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LINKS;SOURCES" ${ARGN})
  foreach(dependency IN LISTS ROOM_DEPENDS)
    if(NOT TARGET silverback_${dependency})
      message(FATAL_ERROR "${name} depends on ${dependency}, which is not declared above it")
    endif()
  endforeach()
  list(TRANSFORM ROOM_DEPENDS PREPEND silverback_ OUTPUT_VARIABLE libraries)
  if(ROOM_SOURCES)
    add_library(silverback_${name} STATIC ${ROOM_SOURCES})
    set(visibility PUBLIC)
  else()  # a room of headers alone
    add_library(silverback_${name} INTERFACE)
    set(visibility INTERFACE)
  endif()
  target_include_directories(silverback_${name} ${visibility} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(silverback_${name} ${visibility} ${libraries} ${ROOM_LINKS})
  add_test(NAME arrows.${name}
    COMMAND ${CMAKE_COMMAND} -DROOM=${name} "-DALLOWED=${ROOM_DEPENDS};${name}"
            -P ${CMAKE_SOURCE_DIR}/tests/arrows/check_arrows.cmake
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(SILVERBACK_FUZZ)
    # The fuzzer is led by what it covers of the rooms; in the tests the same would only cost time to build.
    if(ROOM_SOURCES)
      target_compile_options(silverback_${name} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    file(GLOB_RECURSE targets CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_fuzz.cpp)
    foreach(file IN LISTS targets)
      get_filename_component(target ${file} NAME_WE)
      add_executable(${target} ${file})
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      target_link_libraries(${target} PRIVATE silverback_${name})
    endforeach()
  endif()
endfunction()

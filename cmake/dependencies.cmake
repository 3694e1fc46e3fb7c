# Third-party libraries, all from Debian's packages (scripts/bootstrap names them).
# Each becomes one target deps::<name>; their headers are SYSTEM, so our warnings stay ours.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PkgConfig REQUIRED)

function(silverback_dependency name)
  add_library(deps_${name} INTERFACE)
  target_link_libraries(deps_${name} INTERFACE ${ARGN})
  add_library(deps::${name} ALIAS deps_${name})
endfunction()

silverback_dependency(boost Boost::headers Threads::Threads)
silverback_dependency(rocksdb rocksdb)
silverback_dependency(snappy snappy)
silverback_dependency(zstd zstd)
silverback_dependency(zlib ZLIB::ZLIB)
silverback_dependency(deflate deflate)
silverback_dependency(re2 re2)
silverback_dependency(roaring roaring)
silverback_dependency(yaml yaml-cpp)
silverback_dependency(curl curl)
silverback_dependency(absl absl_time absl_time_zone)  # time zones
silverback_dependency(crypto OpenSSL::Crypto)
silverback_dependency(protobuf protobuf::libprotobuf)
silverback_dependency(rdkafka rdkafka)

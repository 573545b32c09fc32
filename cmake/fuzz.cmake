# One program per tests/fuzz/*.cc, each a LLVMFuzzerTestOneInput over a parser of outside bytes. With MILLPOND_FUZZ
# it is a libFuzzer program that the test runs for a few seconds; otherwise it replays the corpus, so that the
# targets and what they once found stay in every test run. Corpus: tests/fuzz/corpus/<name>/.
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.cc)
get_property(rooms GLOBAL PROPERTY MILLPOND_ROOMS)
set(MILLPOND_FUZZ_SECONDS 10 CACHE STRING "How long the fuzz tests run each target")
foreach(source ${fuzz_sources})
  get_filename_component(name ${source} NAME_WE)
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(MILLPOND_FUZZ)
    add_executable(${name} ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set(scratch ${CMAKE_BINARY_DIR}/corpus/${name})
    file(MAKE_DIRECTORY ${scratch})
    add_test(NAME ${name} COMMAND ${name} -max_total_time=${MILLPOND_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048
      ${scratch} ${corpus})
  else()
    add_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cc)
    add_test(NAME ${name} COMMAND ${name} ${corpus})
  endif()
  target_link_libraries(${name} PRIVATE millpond_flags ${rooms})
endforeach()

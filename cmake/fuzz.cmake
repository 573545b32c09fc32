# One program per tests/fuzz/*.cc, each a LLVMFuzzerTestOneInput over a parser of outside bytes. With MILLPOND_FUZZ
# they are libFuzzer programs that tools/fuzz runs (target `fuzz_targets`); otherwise each is a test that replays its
# corpus, tests/fuzz/corpus/<name>/, so that the targets and what they once found stay in every test run.
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.cc)
add_custom_target(fuzz_targets)
foreach(source ${fuzz_sources})
  get_filename_component(name ${source} NAME_WE)
  if(MILLPOND_FUZZ)
    add_executable(${name} ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cc)
    add_test(NAME ${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
  add_dependencies(fuzz_targets ${name})
  # A target links the rooms whose headers it includes, so that a change elsewhere neither builds nor links it.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(STRINGS ${source} includes REGEX "^#include \"[a-z]+/")
  foreach(line ${includes})
    string(REGEX REPLACE "^#include \"([a-z]+)/.*" "millpond_\\1" used "${line}")
    target_link_libraries(${name} PRIVATE ${used})
  endforeach()
  target_link_libraries(${name} PRIVATE millpond_flags)
endforeach()

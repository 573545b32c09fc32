# millpond_room(name FLOOR n USES rooms... LIBRARIES targets...): one static library from src/name/*.cc and,
# where there are any, one test program millpond_name_test from src/name/*_test.cc.
#
# The headers that nearly every file reaches are compiled once, by base, and reused; its tests do the same for theirs.
# They are named in <>, because CMake writes others with their full path, and ccache could not share between checkouts.
set(MILLPOND_PRECOMPILED
  <arrow/api.h> <fmt/format.h> <nlohmann/json.hpp> <cstdint> <functional> <map> <memory> <optional> <string>
  <string_view> <utility> <vector>)

function(millpond_room name)
  cmake_parse_arguments(ROOM "" "FLOOR" "USES;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    return()
  endif()
  set(target millpond_${name})
  add_library(${target} STATIC ${sources})
  target_link_libraries(${target} PRIVATE millpond_flags)
  if(NOT name STREQUAL base)
    target_precompile_headers(${target} REUSE_FROM millpond_base)
  else()
    target_precompile_headers(${target} PRIVATE ${MILLPOND_PRECOMPILED})
  endif()
  foreach(used ${ROOM_USES})
    if(TARGET millpond_${used})
      target_link_libraries(${target} PUBLIC millpond_${used})
    endif()
  endforeach()
  target_link_libraries(${target} PUBLIC ${ROOM_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY MILLPOND_ROOMS ${target})
  if(MILLPOND_TESTS AND NOT MILLPOND_FUZZ AND tests)
    add_executable(${target}_test ${tests})
    if(NOT name STREQUAL base AND TARGET millpond_base_test)
      target_precompile_headers(${target}_test REUSE_FROM millpond_base_test)
    else()
      target_precompile_headers(${target}_test PRIVATE ${MILLPOND_PRECOMPILED} <gmock/gmock.h> <gtest/gtest.h>)
    endif()
    target_link_libraries(${target}_test PRIVATE millpond_flags ${target} GTest::gmock GTest::gtest_main)
    # Tests run briefly and are many: optimising them took half of the build.
    target_compile_options(${target}_test PRIVATE $<$<CONFIG:Release>:-O0>)
    add_test(NAME ${name} COMMAND ${target}_test)
  endif()
endfunction()

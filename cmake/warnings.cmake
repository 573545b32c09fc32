# Compiler flags that every target of ours shares, and the version header that is generated for them.
add_library(millpond_flags INTERFACE)
target_compile_options(millpond_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Werror)
target_include_directories(millpond_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.h.in ${CMAKE_BINARY_DIR}/generated/base/version.h @ONLY)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  # Under a sanitizer g++ 12 takes the <regex> of its own library for uninitialised.
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/query/sql_suite_test.cc PROPERTIES
    COMPILE_OPTIONS -Wno-maybe-uninitialized)
endif()

# Compiler flags that every target of ours shares, and the version header that is generated for them.
add_library(millpond_flags INTERFACE)
target_compile_options(millpond_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Werror)
target_include_directories(millpond_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.h.in ${CMAKE_BINARY_DIR}/generated/base/version.h @ONLY)

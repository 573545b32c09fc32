# Compiler flags that every target of ours shares.
add_library(millpond_flags INTERFACE)
target_compile_options(millpond_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Werror)
target_include_directories(millpond_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)

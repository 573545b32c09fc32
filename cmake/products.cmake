# What ships: libmillpond.so (every room, with `millpond_main` from cli/), the millpond launcher that opens it,
# and the Python extension that links it. Installed as one package folder, plus the launcher in bin/.
#
# Nothing here may bring system OpenSSL into the engine's link scope: the wheel's libparquet exports a whole
# OpenSSL of its own (docs/design/openssl.md).
get_property(rooms GLOBAL PROPERTY MILLPOND_ROOMS)
if(MILLPOND_FUZZ OR NOT TARGET millpond_cli)
  return()
endif()

# Folders relative to the install prefix, which is a site-packages folder.
set(package_dir millpond)
set(MILLPOND_SCRIPTS_DIR "../../../bin" CACHE STRING "Where the launcher goes, seen from site-packages")
if(DEFINED SKBUILD)
  set(MILLPOND_SCRIPTS_DIR ${SKBUILD_SCRIPTS_DIR})
endif()

file(WRITE ${CMAKE_BINARY_DIR}/generated/engine.cc "")
add_library(millpond_engine SHARED ${CMAKE_BINARY_DIR}/generated/engine.cc)
set_target_properties(millpond_engine PROPERTIES
  OUTPUT_NAME millpond
  INSTALL_RPATH "$ORIGIN:$ORIGIN/../pyarrow"
  LINK_DEPENDS_NO_SHARED ON)
target_link_libraries(millpond_engine PRIVATE ${rooms})
list(JOIN rooms "," whole)
set_property(TARGET millpond_engine PROPERTY LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,${whole}")
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  target_link_options(millpond_engine PRIVATE -Wl,-z,defs)
endif()

if(NOT MILLPOND_PYTHON_TAG)
  execute_process(COMMAND ${MILLPOND_PYTHON_EXECUTABLE} -c "import sys; print('python%d.%d' % sys.version_info[:2])"
    OUTPUT_VARIABLE MILLPOND_PYTHON_TAG OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
add_executable(millpond ${CMAKE_SOURCE_DIR}/src/launcher/main.cc)
target_compile_definitions(millpond PRIVATE MILLPOND_PYTHON_TAG="${MILLPOND_PYTHON_TAG}")
target_link_libraries(millpond PRIVATE millpond_flags ${CMAKE_DL_LIBS})
target_link_options(millpond PRIVATE -static-libstdc++ -static-libgcc)
add_dependencies(millpond millpond_engine)

install(TARGETS millpond RUNTIME DESTINATION ${MILLPOND_SCRIPTS_DIR})
install(TARGETS millpond_engine LIBRARY DESTINATION ${package_dir})
install(FILES $<TARGET_FILE:duckdb> DESTINATION ${package_dir})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/python/millpond/ DESTINATION ${package_dir}
  FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed")

file(GLOB binding_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/python/*.cc)
if(MILLPOND_PYTHON AND binding_sources)
  if(NOT Python_EXECUTABLE)
    set(Python_EXECUTABLE ${MILLPOND_PYTHON_EXECUTABLE})
  endif()
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
  execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir
    OUTPUT_VARIABLE nanobind_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  find_package(nanobind CONFIG REQUIRED)
  nanobind_add_module(millpond_python STABLE_ABI NB_STATIC NOMINSIZE ${binding_sources})
  set_target_properties(nanobind-static PROPERTIES SYSTEM ON)  # its headers do not know our warnings
  target_link_libraries(millpond_python PRIVATE millpond_flags millpond_engine
    Arrow::arrow_shared fmt::fmt nlohmann_json::nlohmann_json)
  set_target_properties(millpond_python PROPERTIES
    OUTPUT_NAME _millpond
    INSTALL_RPATH "$ORIGIN:$ORIGIN/../pyarrow")
  install(TARGETS millpond_python LIBRARY DESTINATION ${package_dir})
endif()

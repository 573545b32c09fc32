# Finds what the engine is built from. Arrow: an installed Arrow first, else the pyarrow wheel of the
# Python in MILLPOND_PYTHON_EXECUTABLE (default: .venv). DuckDB: the pinned library and header in the cache.
find_package(Threads REQUIRED)

set(MILLPOND_CACHE "$ENV{MILLPOND_CACHE}" CACHE PATH "Folder of downloaded build inputs")
if(NOT MILLPOND_CACHE)
  set(MILLPOND_CACHE ${CMAKE_SOURCE_DIR}/.cache/millpond-deps CACHE PATH "" FORCE)
endif()
if(NOT MILLPOND_PYTHON_EXECUTABLE)
  if(EXISTS ${CMAKE_SOURCE_DIR}/.venv/bin/python)
    set(MILLPOND_PYTHON_EXECUTABLE ${CMAKE_SOURCE_DIR}/.venv/bin/python)
  elseif(EXISTS ${MILLPOND_CACHE}/venv/bin/python)
    set(MILLPOND_PYTHON_EXECUTABLE ${MILLPOND_CACHE}/venv/bin/python)
  else()
    find_program(MILLPOND_PYTHON_EXECUTABLE python3 REQUIRED)
  endif()
endif()

find_package(Arrow CONFIG QUIET)
find_package(Parquet CONFIG QUIET)
if(NOT Arrow_FOUND OR NOT Parquet_FOUND)
  execute_process(
    COMMAND ${MILLPOND_PYTHON_EXECUTABLE} -c
            "import pyarrow as p; print(p.get_include(), p.get_library_dirs()[0], p.cpp_build_info.so_version, sep=';')"
    OUTPUT_VARIABLE _pyarrow OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  list(GET _pyarrow 0 _arrow_include)
  list(GET _pyarrow 1 _arrow_lib)
  list(GET _pyarrow 2 _arrow_so)
  foreach(pair "Arrow::arrow_shared|arrow" "Arrow::arrow_compute_shared|arrow_compute" "Parquet::parquet_shared|parquet")
    string(REPLACE "|" ";" pair ${pair})
    list(GET pair 0 _target)
    list(GET pair 1 _name)
    add_library(${_target} SHARED IMPORTED GLOBAL)
    set_target_properties(${_target} PROPERTIES
      IMPORTED_LOCATION ${_arrow_lib}/lib${_name}.so.${_arrow_so}
      INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${_arrow_include}
      INTERFACE_INCLUDE_DIRECTORIES ${_arrow_include})
  endforeach()
endif()

add_library(duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb PROPERTIES
  IMPORTED_LOCATION ${MILLPOND_CACHE}/duckdb-1.5.6/lib/libduckdb.so
  IMPORTED_SONAME libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES ${MILLPOND_CACHE}/duckdb-1.5.6/include)

find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
if(MILLPOND_TESTS)
  find_package(GTest REQUIRED)
endif()

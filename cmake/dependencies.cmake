# Finds what the engine is built from. Arrow: an installed Arrow first, else the pyarrow wheel of the
# Python in MILLPOND_PYTHON_EXECUTABLE (default: .venv). DuckDB: the pinned library and header in the cache.
find_package(Threads REQUIRED)

set(MILLPOND_CACHE "$ENV{MILLPOND_CACHE}" CACHE PATH "Folder of downloaded build inputs")
if(NOT MILLPOND_CACHE)
  set(MILLPOND_CACHE ${CMAKE_SOURCE_DIR}/.cache/millpond-deps CACHE PATH "" FORCE)
endif()
if(DEFINED SKBUILD)
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
  set(MILLPOND_PYTHON_EXECUTABLE ${Python_EXECUTABLE})
elseif(NOT MILLPOND_PYTHON_EXECUTABLE)
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
    OUTPUT_VARIABLE pyarrow OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "No Arrow C++ and no pyarrow in ${MILLPOND_PYTHON_EXECUTABLE}: run tools/setup python")
  endif()
  list(GET pyarrow 0 arrow_include)
  list(GET pyarrow 1 arrow_lib)
  list(GET pyarrow 2 arrow_so)
  foreach(pair "Arrow::arrow_shared|arrow" "Arrow::arrow_compute_shared|arrow_compute" "Parquet::parquet_shared|parquet")
    string(REPLACE "|" ";" pair ${pair})
    list(GET pair 0 target)
    list(GET pair 1 library)
    add_library(${target} SHARED IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES
      IMPORTED_LOCATION ${arrow_lib}/lib${library}.so.${arrow_so}
      INTERFACE_INCLUDE_DIRECTORIES ${arrow_include})
  endforeach()
endif()

set(duckdb_dir ${MILLPOND_CACHE}/duckdb-1.5.6)
if(NOT EXISTS ${duckdb_dir}/lib/libduckdb.so OR NOT EXISTS ${duckdb_dir}/include/duckdb.h)
  # `pip install .` in a fresh checkout comes here without make.
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env MILLPOND_CACHE=${MILLPOND_CACHE} ${CMAKE_SOURCE_DIR}/tools/setup duckdb
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "DuckDB's library and header are not in ${duckdb_dir}: run tools/setup")
  endif()
endif()
add_library(duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb PROPERTIES
  IMPORTED_LOCATION ${duckdb_dir}/lib/libduckdb.so
  IMPORTED_SONAME libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES ${duckdb_dir}/include)

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
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
# Its header alone: the library is opened at run time, apart from ours (docs/design/openssl.md).
pkg_check_modules(libpq REQUIRED libpq)
add_library(libpq_header INTERFACE IMPORTED)
target_include_directories(libpq_header SYSTEM INTERFACE ${libpq_INCLUDE_DIRS})
if(MILLPOND_TESTS)
  find_package(GTest REQUIRED)
endif()

# What makes builds quick: ccache and the mold linker, each used where the machine has it.
find_program(MILLPOND_CCACHE ccache)
if(MILLPOND_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers need this sloppiness; base_dir and nohashdir let work trees share results.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    ${MILLPOND_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()

find_program(MILLPOND_MOLD mold)
if(MILLPOND_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

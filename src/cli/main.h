// The entry point that the launcher finds in libmillpond.so.
#pragma once

/// Runs the command line and returns the process's exit code (docs/guide/exit-codes.md).
extern "C" int millpond_main(int argc, char** argv);

// The `millpond` program: finds libmillpond.so, opens it in a scope of its own (RTLD_LOCAL keeps
// the OpenSSL inside the Arrow wheel away from everything else in the process) and hands the
// command line over. Answers --version itself, so that asking costs no load of the engine. Uses
// nothing of the rooms but the version.
#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "base/version.h"

namespace {

/// The folder of this executable with symbolic links resolved, or "" where /proc is not mounted.
std::string ExecutableFolder() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  if (length <= 0 || length == static_cast<ssize_t>(sizeof(path))) return "";
  const std::string text(path, static_cast<size_t>(length));
  return text.substr(0, text.rfind('/'));
}

/// Where libmillpond.so may be: beside the executable in a build tree, else in the package of the
/// Python environment whose bin/ holds the executable.
const char* const kPlaces[] = {
    "/libmillpond.so",
    "/../lib/" MILLPOND_PYTHON_TAG "/site-packages/millpond/libmillpond.so",
    "/../lib64/" MILLPOND_PYTHON_TAG "/site-packages/millpond/libmillpond.so",
    "/../lib/" MILLPOND_PYTHON_TAG "/dist-packages/millpond/libmillpond.so",
};

std::string FindEngine() {
  const std::string folder = ExecutableFolder();
  for (const char* place : kPlaces) {
    const std::string path = folder + place;
    if (access(path.c_str(), R_OK) == 0) return path;
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("millpond %s\n", millpond::base::kVersion);
    return 0;
  }
  const std::string path = FindEngine();
  if (path.empty()) {
    std::fprintf(stderr,
                 "millpond: libmillpond.so was not found near %s; reinstall the millpond package\n",
                 ExecutableFolder().c_str());
    return 1;
  }
  void* engine = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (engine == nullptr) {
    std::fprintf(stderr,
                 "millpond: %s\n"
                 "The engine needs the libraries of pyarrow==26.0.* in the same environment; try "
                 "`pip install 'pyarrow==26.0.*'`.\n",
                 dlerror());
    return 1;
  }
  using Main = int (*)(int, char**);
  const auto engine_main = reinterpret_cast<Main>(dlsym(engine, "millpond_main"));
  if (engine_main == nullptr) {
    std::fprintf(stderr, "millpond: %s\n", dlerror());
    return 1;
  }
  return engine_main(argc, argv);
}

// LD_PRELOAD library that counts the calls by which a process changes files below a folder, and
// strikes at the n-th. Loaded by tests/fault/faults.py, which documents the modes. It makes system
// calls itself, so it never re-enters its own wrappers. Not counted: SQLite's -shm files, which
// hold nothing durable; memory maps; and stdio's inner writes.
//
// clang-format off
// MILLPOND_FAULT_ROOT    folder to watch (absolute, without links); nothing is done where it is unset
// MILLPOND_FAULT_NTH     which call to strike, from 1; 0: none
// MILLPOND_FAULT_MODE    kill | tear | lose | fail | delay
// MILLPOND_FAULT_ERRNO   number that `fail` sets
// MILLPOND_FAULT_STICKY  1: every later call fails too
// MILLPOND_FAULT_MS      how long `delay` sleeps
// MILLPOND_FAULT_ONLY    calls to count, ",link,rename,"; unset: all
// MILLPOND_FAULT_LOG     file outside the root: one line "call<TAB>path<TAB>other path<TAB>bytes" each
// MILLPOND_FAULT_TRASH   folder on the root's file system but outside it, for what `lose` undoes
// clang-format on
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { kOff, kCount, kKill, kTear, kLose, kFail, kDelay };

static char root[PATH_MAX], trash[PATH_MAX], only[256];
static int mode = kOff, nth = 0, error_number = ENOSPC, log_file = -1, sticky = 0, delay_ms = 100;
static atomic_int calls = 0;

// ---- what `lose` must undo
// ------------------------------------------------------------------------------------------
// Everything since the last fsync of the file (data) or of the folder (names), newest first.
typedef struct Undo {
  enum { kData, kNewName, kOldName } kind;
  dev_t device;  // Of the file (data) or of the folder that holds the name.
  ino_t inode;
  int file;  // kData: a descriptor of its own, never closed (closing drops the process's locks).
  off_t offset, size;  // kData: where the old bytes were, and the file's old size.
  size_t length;
  char* bytes;
  char path[PATH_MAX], kept[PATH_MAX];  // Names: the name, and for kOldName where its file is kept.
  struct Undo* next;
} Undo;

static Undo* undos = NULL;
static int trash_count = 0;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void Lock(void) { pthread_mutex_lock(&mutex); }
static void Unlock(void) { pthread_mutex_unlock(&mutex); }

__attribute__((constructor)) static void Start(void) {
  const char* value = getenv("MILLPOND_FAULT_ROOT");
  if (value == NULL || value[0] == '\0') return;
  snprintf(root, sizeof(root), "%s", value);
  mode = kCount;
  const char* names[] = {"kill", "tear", "lose", "fail", "delay"};
  if ((value = getenv("MILLPOND_FAULT_MODE")) != NULL) {
    for (int i = 0; i < 5; ++i) {
      if (strcmp(value, names[i]) == 0) mode = kKill + i;
    }
  }
  if ((value = getenv("MILLPOND_FAULT_NTH")) != NULL) nth = atoi(value);
  if ((value = getenv("MILLPOND_FAULT_ERRNO")) != NULL) error_number = atoi(value);
  if ((value = getenv("MILLPOND_FAULT_STICKY")) != NULL) sticky = atoi(value);
  if ((value = getenv("MILLPOND_FAULT_MS")) != NULL) delay_ms = atoi(value);
  if ((value = getenv("MILLPOND_FAULT_ONLY")) != NULL) snprintf(only, sizeof(only), "%s", value);
  if ((value = getenv("MILLPOND_FAULT_TRASH")) != NULL) snprintf(trash, sizeof(trash), "%s", value);
  if ((value = getenv("MILLPOND_FAULT_LOG")) != NULL) {
    log_file =
        (int)syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  }
  pthread_atfork(Lock, Unlock, Unlock);
}

// ---- paths
// ----------------------------------------------------------------------------------------------------------
static bool Watched(const char* path) {
  size_t length = strlen(root);
  size_t end = strlen(path);
  if (end > 4 && strcmp(path + end - 4, "-shm") == 0)
    return false;  // SQLite's index of its log: never durable.
  return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static void PathOfDescriptor(int descriptor, char* path) {
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = '\0';
}

// Absolute, with links in its folder resolved.
static void PathOfName(int folder, const char* name, char* path) {
  char whole[PATH_MAX], resolved[PATH_MAX];
  whole[0] = '\0';
  if (name[0] != '/') {
    if (folder == AT_FDCWD) {
      if (syscall(SYS_getcwd, whole, sizeof(whole)) < 0) whole[0] = '\0';
    } else {
      PathOfDescriptor(folder, whole);
    }
    strncat(whole, "/", sizeof(whole) - strlen(whole) - 1);
  }
  strncat(whole, name, sizeof(whole) - strlen(whole) - 1);
  for (size_t n = strlen(whole); n > 1 && whole[n - 1] == '/';) whole[--n] = '\0';
  char* slash = strrchr(whole, '/');
  snprintf(path, PATH_MAX, "%s", whole);
  if (slash == NULL || slash == whole) return;
  *slash = '\0';
  int saved = errno;
  if (realpath(whole, resolved) != NULL)
    snprintf(path, PATH_MAX, "%.2000s/%.2000s", resolved, slash + 1);
  errno = saved;
}

static bool FolderOf(const char* path, struct stat* info) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof(folder), "%s", path);
  char* slash = strrchr(folder, '/');
  if (slash == NULL) return false;
  *slash = '\0';
  return syscall(SYS_newfstatat, AT_FDCWD, folder, info, 0) == 0;
}

// ---- remembering and undoing
// ----------------------------------------------------------------------------------------
static Undo* Remember(int kind, dev_t device, ino_t inode) {
  Undo* undo = calloc(1, sizeof(Undo));
  if (undo == NULL) abort();
  undo->kind = kind;
  undo->device = device;
  undo->inode = inode;
  undo->next = undos;
  undos = undo;
  return undo;
}

static int OwnDescriptor(int descriptor, const struct stat* info) {
  for (Undo* undo = undos; undo != NULL; undo = undo->next) {
    if (undo->kind == kData && undo->device == info->st_dev && undo->inode == info->st_ino)
      return undo->file;
  }
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
  return (int)syscall(SYS_openat, AT_FDCWD, link, O_RDWR | O_CLOEXEC, 0);
}

// Before `length` bytes at `offset` change, or the file becomes `offset` bytes long (length 0).
static void RememberData(int descriptor, off_t offset, size_t length) {
  struct stat info;
  if (syscall(SYS_fstat, descriptor, &info) != 0 || !S_ISREG(info.st_mode)) return;
  int file = OwnDescriptor(descriptor, &info);
  Undo* undo = Remember(kData, info.st_dev, info.st_ino);
  undo->file = file;
  undo->size = info.st_size;
  undo->offset = offset;
  if (offset >= info.st_size) return;
  size_t old = (size_t)(info.st_size - offset);
  undo->length = length == 0 || length > old ? old : length;
  undo->bytes = malloc(undo->length);
  if (undo->bytes == NULL ||
      syscall(SYS_pread64, file, undo->bytes, undo->length, offset) != (ssize_t)undo->length) {
    abort();
  }
}

static void RememberNewName(const char* path) {
  struct stat folder;
  if (FolderOf(path, &folder))
    snprintf(Remember(kNewName, folder.st_dev, folder.st_ino)->path, PATH_MAX, "%s", path);
}

// Before the name goes away: its file is kept under a second name.
static void RememberOldName(const char* path) {
  struct stat folder;
  char kept[PATH_MAX];
  snprintf(kept, sizeof(kept), "%.2000s/%d.%d", trash, (int)getpid(), trash_count++);
  if (!FolderOf(path, &folder) || syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0) != 0)
    return;
  Undo* undo = Remember(kOldName, folder.st_dev, folder.st_ino);
  snprintf(undo->path, PATH_MAX, "%s", path);
  snprintf(undo->kept, PATH_MAX, "%s", kept);
}

// A file or folder was made durable: what was remembered about it is settled.
static void Forget(int descriptor) {
  struct stat info;
  if (syscall(SYS_fstat, descriptor, &info) != 0) return;
  for (Undo** at = &undos; *at != NULL;) {
    Undo* undo = *at;
    bool is_folder = S_ISDIR(info.st_mode);
    if (undo->device == info.st_dev && undo->inode == info.st_ino &&
        is_folder == (undo->kind != kData)) {
      *at = undo->next;
      free(undo->bytes);
      free(undo);
    } else {
      at = &undo->next;
    }
  }
}

static void UndoAll(void) {
  for (Undo* undo = undos; undo != NULL; undo = undo->next) {
    if (undo->kind == kData && undo->file >= 0) {
      if (undo->length > 0)
        syscall(SYS_pwrite64, undo->file, undo->bytes, undo->length, undo->offset);
      syscall(SYS_ftruncate, undo->file, undo->size);
    } else if (undo->kind == kNewName) {
      char gone[PATH_MAX];
      snprintf(gone, sizeof(gone), "%.2000s/%d.%d", trash, (int)getpid(), trash_count++);
      syscall(SYS_renameat2, AT_FDCWD, undo->path, AT_FDCWD, gone, 0);
    } else if (undo->kind == kOldName) {
      syscall(SYS_linkat, AT_FDCWD, undo->kept, AT_FDCWD, undo->path, 0);
    }
  }
}

// ---- striking
// -------------------------------------------------------------------------------------------------------
static void Die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Counts one call. True: it must fail with errno set. `tear` (may be NULL) is set where half of it
// is to be written.
static bool Strike(const char* name, const char* path, const char* other, long bytes, bool* tear) {
  if (only[0] != '\0') {
    char word[64];
    snprintf(word, sizeof(word), ",%s,", name);
    if (strstr(only, word) == NULL) return false;
  }
  int number = atomic_fetch_add(&calls, 1) + 1;
  if (log_file >= 0) {
    char line[2 * PATH_MAX + 128];
    int length = snprintf(line, sizeof(line), "%s\t%s\t%s\t%ld\n", name, path, other, bytes);
    syscall(SYS_write, log_file, line, length);
  }
  if (nth == 0 || (number != nth && !(sticky && mode == kFail && number > nth))) return false;
  switch (mode) {
    case kKill:
      Die();
      break;
    case kLose:
      UndoAll();
      Die();
      break;
    case kTear:
      if (tear == NULL) Die();
      *tear = true;
      break;
    case kFail:
      errno = error_number;
      return true;
    case kDelay: {
      struct timespec pause_time = {delay_ms / 1000, delay_ms % 1000 * 1000000L};
      nanosleep(&pause_time, NULL);
      break;
    }
    default:
      break;
  }
  return false;
}

// The end of the process counts too: what it reported as done must outlive a power cut right then.
__attribute__((destructor)) static void End(void) {
  if (mode == kOff) return;
  Lock();
  Strike("exit", root, "", 0, NULL);
  Unlock();
}

static bool Loses(void) { return mode == kLose; }

// One write of `length` bytes at `offset` (-1: the file's position); `vector` where it is a writev.
static ssize_t WriteAt(const char* name, int descriptor, const void* data, size_t length,
                       off_t offset, const struct iovec* vector, int count) {
  char path[PATH_MAX];
  bool tear = false;
  path[0] = '\0';
  if (mode != kOff) PathOfDescriptor(descriptor, path);
  const bool watched = mode != kOff && Watched(path);
  if (watched) {
    Lock();
    if (Strike(name, path, "", (long)length, &tear)) {
      Unlock();
      return -1;
    }
    if (Loses()) {
      struct stat info;
      off_t at = offset;
      if (at < 0) at = syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
      int flags = (int)syscall(SYS_fcntl, descriptor, F_GETFL);
      if (flags >= 0 && (flags & O_APPEND) && syscall(SYS_fstat, descriptor, &info) == 0)
        at = info.st_size;
      RememberData(descriptor, at, length);
    }
  }
  ssize_t written;
  if (tear && vector != NULL) {
    written = syscall(SYS_write, descriptor, vector[0].iov_base, vector[0].iov_len / 2);
  } else if (vector != NULL) {
    written = syscall(SYS_writev, descriptor, vector, count);
  } else if (offset < 0) {
    written = syscall(SYS_write, descriptor, data, tear ? length / 2 : length);
  } else {
    written = syscall(SYS_pwrite64, descriptor, data, tear ? length / 2 : length, offset);
  }
  if (tear) Die();
  if (watched) Unlock();
  return written;
}

ssize_t write(int descriptor, const void* data, size_t length) {
  return WriteAt("write", descriptor, data, length, -1, NULL, 0);
}
ssize_t pwrite(int descriptor, const void* data, size_t length, off_t offset) {
  return WriteAt("pwrite", descriptor, data, length, offset, NULL, 0);
}
ssize_t pwrite64(int descriptor, const void* data, size_t length, off_t offset) {
  return WriteAt("pwrite", descriptor, data, length, offset, NULL, 0);
}
ssize_t writev(int descriptor, const struct iovec* vector, int count) {
  size_t length = 0;
  for (int i = 0; i < count; ++i) length += vector[i].iov_len;
  return WriteAt("writev", descriptor, NULL, length, -1, vector, count);
}

static int Sync(const char* name, long number, int descriptor) {
  char path[PATH_MAX];
  if (mode == kOff) return (int)syscall(number, descriptor);
  PathOfDescriptor(descriptor, path);
  if (!Watched(path)) return (int)syscall(number, descriptor);
  Lock();
  int result = Strike(name, path, "", 0, NULL) ? -1 : (int)syscall(number, descriptor);
  if (result == 0 && Loses()) Forget(descriptor);
  Unlock();
  return result;
}
int fsync(int descriptor) { return Sync("fsync", SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return Sync("fdatasync", SYS_fdatasync, descriptor); }

int ftruncate(int descriptor, off_t length) {
  char path[PATH_MAX];
  if (mode == kOff) return (int)syscall(SYS_ftruncate, descriptor, length);
  PathOfDescriptor(descriptor, path);
  if (!Watched(path)) return (int)syscall(SYS_ftruncate, descriptor, length);
  Lock();
  int result = -1;
  if (!Strike("ftruncate", path, "", (long)length, NULL)) {
    if (Loses()) RememberData(descriptor, length, 0);
    result = (int)syscall(SYS_ftruncate, descriptor, length);
  }
  Unlock();
  return result;
}
int ftruncate64(int descriptor, off_t length) { return ftruncate(descriptor, length); }

static int OpenAt(int folder, const char* name, int flags, mode_t permissions) {
  char path[PATH_MAX];
  if (mode == kOff || (flags & O_CREAT) == 0)
    return (int)syscall(SYS_openat, folder, name, flags, permissions);
  PathOfName(folder, name, path);
  if (!Watched(path)) return (int)syscall(SYS_openat, folder, name, flags, permissions);
  Lock();
  int result = -1;
  if (!Strike("open", path, "", 0, NULL)) {
    const bool exists = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    result = (int)syscall(SYS_openat, folder, name, flags, permissions);
    if (Loses() && result >= 0 && !exists) RememberNewName(path);
  }
  Unlock();
  return result;
}

#define PERMISSIONS(flags, permissions)      \
  mode_t permissions = 0;                    \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {   \
    va_list arguments;                       \
    va_start(arguments, flags);              \
    permissions = va_arg(arguments, mode_t); \
    va_end(arguments);                       \
  }

int open(const char* name, int flags, ...) {
  PERMISSIONS(flags, permissions)
  return OpenAt(AT_FDCWD, name, flags, permissions);
}
int open64(const char* name, int flags, ...) {
  PERMISSIONS(flags, permissions)
  return OpenAt(AT_FDCWD, name, flags | O_LARGEFILE, permissions);
}
int openat(int folder, const char* name, int flags, ...) {
  PERMISSIONS(flags, permissions)
  return OpenAt(folder, name, flags, permissions);
}
int openat64(int folder, const char* name, int flags, ...) {
  PERMISSIONS(flags, permissions)
  return OpenAt(folder, name, flags | O_LARGEFILE, permissions);
}
int creat(const char* name, mode_t permissions) {
  return OpenAt(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, permissions);
}
int creat64(const char* name, mode_t permissions) { return creat(name, permissions); }

int mkdirat(int folder, const char* name, mode_t permissions) {
  char path[PATH_MAX];
  if (mode == kOff) return (int)syscall(SYS_mkdirat, folder, name, permissions);
  PathOfName(folder, name, path);
  if (!Watched(path)) return (int)syscall(SYS_mkdirat, folder, name, permissions);
  Lock();
  int result = Strike("mkdir", path, "", 0, NULL)
                   ? -1
                   : (int)syscall(SYS_mkdirat, folder, name, permissions);
  if (Loses() && result == 0) RememberNewName(path);
  Unlock();
  return result;
}
int mkdir(const char* name, mode_t permissions) { return mkdirat(AT_FDCWD, name, permissions); }

// Gives a file a second name (linkat) or another one (renameat2).
static int GiveName(const char* call, long number, int from_folder, const char* from, int to_folder,
                    const char* to, int flags) {
  char old_path[PATH_MAX], new_path[PATH_MAX];
  if (mode == kOff) return (int)syscall(number, from_folder, from, to_folder, to, flags);
  PathOfName(from_folder, from, old_path);
  PathOfName(to_folder, to, new_path);
  if (!Watched(old_path) && !Watched(new_path))
    return (int)syscall(number, from_folder, from, to_folder, to, flags);
  Lock();
  int result = -1;
  if (!Strike(call, old_path, new_path, 0, NULL)) {
    Undo* before = undos;
    const bool moves = number == SYS_renameat2;
    if (Loses() && moves) {
      if (syscall(SYS_faccessat, AT_FDCWD, new_path, F_OK) == 0) RememberOldName(new_path);
      RememberOldName(old_path);
    }
    result = (int)syscall(number, from_folder, from, to_folder, to, flags);
    if (Loses() && result == 0) RememberNewName(new_path);
    while (result != 0 && undos != before) {
      Undo* none = undos;
      undos = none->next;
      free(none);
    }
  }
  Unlock();
  return result;
}
int link(const char* from, const char* to) {
  return GiveName("link", SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  return GiveName("link", SYS_linkat, from_folder, from, to_folder, to, flags);
}
int rename(const char* from, const char* to) {
  return GiveName("rename", SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return GiveName("rename", SYS_renameat2, from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  return GiveName("rename", SYS_renameat2, from_folder, from, to_folder, to, (int)flags);
}

int unlinkat(int folder, const char* name, int flags) {
  char path[PATH_MAX];
  if (mode == kOff) return (int)syscall(SYS_unlinkat, folder, name, flags);
  PathOfName(folder, name, path);
  if (!Watched(path)) return (int)syscall(SYS_unlinkat, folder, name, flags);
  Lock();
  int result = -1;
  if (!Strike((flags & AT_REMOVEDIR) ? "rmdir" : "unlink", path, "", 0, NULL)) {
    if (Loses() && (flags & AT_REMOVEDIR) == 0) RememberOldName(path);
    result = (int)syscall(SYS_unlinkat, folder, name, flags);
  }
  Unlock();
  return result;
}
int unlink(const char* name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char* name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int remove(const char* name) {
  struct stat info;
  bool is_folder = syscall(SYS_newfstatat, AT_FDCWD, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISDIR(info.st_mode);
  return unlinkat(AT_FDCWD, name, is_folder ? AT_REMOVEDIR : 0);
}

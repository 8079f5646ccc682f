/* A disk with faults, in front of the system's: preloaded into a server. What it does follows from files in
 * the folder that CHAT_DISK names: `full` (nothing can be written), `broken` (nothing reaches the disk), `slow`
 * (that takes 300 ms), `unsynced` (that takes as long as the file is there); and for the threads that read, since what the
 * others need may be in their memory: `unreadable` (nothing can be read), `unread` (that takes as long as the file is there). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int is(const char *fault) {
    char path[4096];
    const char *folder = getenv("CHAT_DISK");
    if (!folder) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, fault);
    return access(path, F_OK) == 0;
}

static int is_file(int fd) {
    struct stat about;
    return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    if (is_file(fd) && is("full")) { errno = ENOSPC; return -1; }
    return real(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    if (is_file(fd) && is("full")) { errno = ENOSPC; return -1; }
    return real(fd, bytes, count, at);
}

static int is_reader(void) {
    char name[16] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    return !strcmp(name, "chat-store-read") || !strcmp(name, "chat-store-find");
}

static int cannot_read(int fd) {
    if (!is_file(fd) || !is_reader()) return 0;
    while (is("unread")) usleep(10000);
    if (!is("unreadable")) return 0;
    errno = EIO;
    return 1;
}

ssize_t read(int fd, void *bytes, size_t count) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "read");
    return cannot_read(fd) ? -1 : real(fd, bytes, count);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
    static ssize_t (*real)(int, void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pread64");
    return cannot_read(fd) ? -1 : real(fd, bytes, count, at);
}

static int sync_with(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (is("broken")) { errno = EIO; return -1; }
    if (is("slow")) usleep(300000);
    while (is("unsynced")) usleep(10000);
    return real(fd);
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

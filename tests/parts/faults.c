/*
 * Writes that fail, half done, or that take long, and another time of day: below a process that is
 * started with this library in LD_PRELOAD. parts/faults.py compiles and steers it, through a file
 * that both map. Only files below FAULTS_UNDER count; `seen` counts their calls over all processes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct plan {
    int64_t seen, failed;  /* calls so far, and those of them that failed */
    int64_t first, last;   /* those of them that fail, from 1; none if first is 0 */
    int64_t error;         /* their errno */
    int64_t slow_us;       /* how long each sync takes */
    int64_t clock_seconds; /* added to the time of day */
};

static struct plan *plan;
static const char *under;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_PLAN");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *found;

    under = getenv("FAULTS_UNDER");
    if (fd < 0 || !under)
        return;
    found = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED)
        plan = found;
}

/* Whether this call fails; it has its errno then. */
static int fails(const char *path)
{
    int64_t now;

    if (!plan || strncmp(path, under, strlen(under)) != 0)
        return 0;
    now = __atomic_add_fetch(&plan->seen, 1, __ATOMIC_SEQ_CST);
    if (!plan->first || now < plan->first || now > plan->last)
        return 0;
    __atomic_add_fetch(&plan->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)plan->error;
    return 1;
}

static int fails_at(int fd)
{
    char link[64], path[PATH_MAX];
    ssize_t length;
    int before = errno;

    if (!plan)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(path);
}

static int sync_fails(int fd)
{
    if (plan && plan->slow_us)
        usleep((useconds_t)plan->slow_us);
    return fails_at(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* A write that fails has written its first half, as one may that meets a bad block or a full disk. */
#define WRITES(name, parameters, fd, half, whole)                                                  \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        if (!fails_at(fd))                                                                         \
            return REAL(name) whole;                                                               \
        if (count > 1)                                                                             \
            (void)!REAL(name) half;                                                                \
        errno = (int)plan->error;                                                                  \
        return -1;                                                                                 \
    }

WRITES(write, (int fd, const void *from, size_t count), fd, (fd, from, count / 2),
       (fd, from, count))
WRITES(pwrite, (int fd, const void *from, size_t count, off_t at), fd, (fd, from, count / 2, at),
       (fd, from, count, at))
WRITES(pwrite64, (int fd, const void *from, size_t count, off64_t at), fd,
       (fd, from, count / 2, at), (fd, from, count, at))
WRITES(pwritev, (int fd, const struct iovec *from, int count, off_t at), fd,
       (fd, from, count / 2, at), (fd, from, count, at))

int fsync(int fd) { return sync_fails(fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return sync_fails(fd) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return fails_at(fd) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails_at(fd) ? -1 : REAL(ftruncate64)(fd, size); }
int rename(const char *from, const char *to) { return fails(to) ? -1 : REAL(rename)(from, to); }

int posix_fallocate(int fd, off_t at, off_t size)
{
    return fails_at(fd) ? (int)plan->error : REAL(posix_fallocate)(fd, at, size);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int done = REAL(clock_gettime)(clock, now);

    if (plan && clock == CLOCK_REALTIME)
        now->tv_sec += plan->clock_seconds;
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int done = REAL(gettimeofday)(now, zone);

    if (plan)
        now->tv_sec += plan->clock_seconds;
    return done;
}

time_t time(time_t *now)
{
    time_t found = REAL(time)(NULL) + (plan ? plan->clock_seconds : 0);

    if (now)
        *now = found;
    return found;
}

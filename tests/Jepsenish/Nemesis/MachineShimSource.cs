namespace RaftKv.Tests.Jepsenish.Nemesis;

/// <summary>The library behind <see cref="MachineShim"/>, in C. The control file is mapped, so that looking at it costs nothing.</summary>
internal static class MachineShimSource
{
    public const string Text = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/stat.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        enum { GOOD, ERROR, HANG, FULL };

        struct control
        {
            volatile int32_t sync_mode, sync_delay, write_mode, write_delay;
            volatile int64_t clock_offset;
            volatile int32_t read_delay, unused;
            volatile int64_t syncs, errors, clock_reads, reads;
        };

        static struct control none;
        static struct control *control = &none;
        static void *(*real_dlsym)(void *, const char *);
        static int (*real_clock_gettime)(clockid_t, struct timespec *);

        static void *find(const char *name)
        {
            if (!real_dlsym)
            {
                real_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
                if (!real_dlsym)
                    real_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
                if (!real_dlsym)
                    real_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.17");
            }
            return real_dlsym(RTLD_NEXT, name);
        }

        __attribute__((constructor)) static void start(void)
        {
            const char *path = getenv("RAFTKV_SHIM");
            real_clock_gettime = find("clock_gettime");
            int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
            if (file < 0)
                return;
            void *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            close(file);
            if (map != MAP_FAILED)
                control = map;
        }

        static void count(volatile int64_t *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

        static int fail(int error)
        {
            count(&control->errors);
            errno = error;
            return -1;
        }

        /* In steps, so that a delay that is taken back ends. */
        static void wait_for(volatile int32_t *delay)
        {
            for (int32_t waited = 0; waited < *delay; waited += 1000)
                usleep(1000);
        }

        static void wait_while_hung(volatile int32_t *mode)
        {
            while (*mode == HANG)
                usleep(1000);
        }

        static int sync_with(int file, const char *name)
        {
            count(&control->syncs);
            wait_for(&control->sync_delay);
            wait_while_hung(&control->sync_mode);
            if (control->sync_mode == ERROR)
                return fail(EIO);
            return ((int (*)(int))find(name))(file);
        }

        int fdatasync(int file) { return sync_with(file, "fdatasync"); }
        int fsync(int file) { return sync_with(file, "fsync"); }

        static ssize_t write_at(int file, const void *bytes, size_t count_of_bytes, off64_t offset)
        {
            wait_for(&control->write_delay);
            wait_while_hung(&control->write_mode);
            if (control->write_mode == ERROR)
                return fail(EIO);
            if (control->write_mode == FULL)
            {
                struct stat64 state;
                if (fstat64(file, &state) == 0 && S_ISREG(state.st_mode) && offset + (off64_t)count_of_bytes > state.st_size)
                    return fail(ENOSPC);
            }
            return ((ssize_t (*)(int, const void *, size_t, off64_t))find("pwrite64"))(file, bytes, count_of_bytes, offset);
        }

        ssize_t pwrite64(int file, const void *bytes, size_t n, off64_t offset) { return write_at(file, bytes, n, offset); }
        ssize_t pwrite(int file, const void *bytes, size_t n, off_t offset) { return write_at(file, bytes, n, offset); }

        static ssize_t read_at(int file, void *bytes, size_t n, off64_t offset)
        {
            count(&control->reads);
            wait_for(&control->read_delay);
            return ((ssize_t (*)(int, void *, size_t, off64_t))find("pread64"))(file, bytes, n, offset);
        }

        ssize_t pread64(int file, void *bytes, size_t n, off64_t offset) { return read_at(file, bytes, n, offset); }
        ssize_t pread(int file, void *bytes, size_t n, off_t offset) { return read_at(file, bytes, n, offset); }

        int clock_gettime(clockid_t clock, struct timespec *time)
        {
            if (!real_clock_gettime)
                real_clock_gettime = find("clock_gettime");
            int result = real_clock_gettime(clock, time);
            if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
                return result;
            count(&control->clock_reads);
            int64_t offset = control->clock_offset;
            if (offset != 0)
            {
                int64_t all = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + offset;
                time->tv_sec = all / 1000000000;
                time->tv_nsec = all % 1000000000;
            }
            return 0;
        }

        int gettimeofday(struct timeval *restrict time, void *restrict zone)
        {
            struct timespec now;
            (void)zone;
            if (clock_gettime(CLOCK_REALTIME, &now) != 0)
                return -1;
            time->tv_sec = now.tv_sec;
            time->tv_usec = now.tv_nsec / 1000;
            return 0;
        }

        /* The runtime looks functions of the C library up by name, in that library: it has to be told of these ones. */
        void *dlsym(void *handle, const char *name)
        {
            if (!real_dlsym)
                find("dlsym");
            if (strcmp(name, "fdatasync") == 0)
                return (void *)fdatasync;
            if (strcmp(name, "fsync") == 0)
                return (void *)fsync;
            if (strcmp(name, "clock_gettime") == 0)
                return (void *)clock_gettime;
            return real_dlsym(handle, name);
        }
        """;
}

/* cmocka and what it needs before it, and a wait for what other threads do. */
#ifndef BERBAGI_TEST_CHECK_H
#define BERBAGI_TEST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

/* Waits until condition holds; half a minute without it is a failure. */
#define wait_until(condition)                                                                      \
    do {                                                                                           \
        int tries_left_ = 30000;                                                                   \
        while (!(condition)) {                                                                     \
            assert_true(tries_left_-- > 0);                                                        \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
        }                                                                                          \
    } while (0)

#endif

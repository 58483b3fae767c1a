/* How threads stand to each other where there are fewer processors than work. Who answers one event at
 * a time goes first; what is done beside it, or for many events at once, gives way. */
#ifndef BERBAGI_THREAD_H
#define BERBAGI_THREAD_H

/* Nice values. A thread's may be raised by anybody, and never lowered again. */
enum bp_thread_niceness {
    BP_THREAD_BESIDE = 10, /* the answers of some wait for it, or it must keep up with them */
    BP_THREAD_BEHIND = 19, /* nobody waits for long */
};

/* Of the calling thread alone. */
void bp_thread_give_way(enum bp_thread_niceness niceness);

#endif

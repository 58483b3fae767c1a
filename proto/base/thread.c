#include "thread.h"

#include <sys/resource.h>
#include <unistd.h>

/* Linux keeps a nice value for each thread, whatever POSIX says of processes. Without it nothing is
 * wrong, but slower for some. */
void bp_thread_give_way(enum bp_thread_niceness niceness)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), (int)niceness);
}

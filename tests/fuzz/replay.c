/* Stands in for libFuzzer where the compiler has none, and in the test suite: gives the target
 * every file of the folders named, and no other input. */
#include <dirent.h>
#include <stdio.h>

#include "file.h"
#include "fuzz.h"

#define INPUT_BYTES_MAX (1u << 20)

static void replay_file(const char *path)
{
    struct bp_buf input = {0};
    struct bp_err err = {""};
    if (bp_file_read(path, INPUT_BYTES_MAX, &input, &err) != BP_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    (void)fprintf(stderr, "%s\n", path); /* the last line before a crash names its input */
    /* A copy of exactly that size, so that a read behind it is seen. */
    uint8_t *exact = malloc(input.n != 0 ? input.n : 1);
    BP_ASSERT(exact != NULL);
    if (input.n != 0)
        memcpy(exact, input.p, input.n);
    (void)LLVMFuzzerTestOneInput(exact, input.n);
    free(exact);
    bp_buf_fini(&input);
}

static size_t replay_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    size_t replayed = 0;
    for (int i = 0; i < n; i++) {
        char *path = bp_path_join(folder, entries[i]->d_name);
        BP_ASSERT(path != NULL);
        if (entries[i]->d_name[0] != '.') {
            replay_file(path);
            replayed++;
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return replayed;
}

int main(int argc, char **argv)
{
    size_t replayed = 0;
    for (int i = 1; i < argc; i++)
        replayed += replay_folder(argv[i]);
    (void)printf("%zu inputs\n", replayed);
    return replayed != 0 ? 0 : 1;
}

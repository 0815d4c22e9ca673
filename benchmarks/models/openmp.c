/* Computes on all cores for some time, each thread with memory of its own, as text recognition does. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 64
#define BYTES 32768

double compute(double seconds)
{
    double sum = 0;
#pragma omp parallel reduction(+ : sum)
    {
        double until = omp_get_wtime() + seconds;
        char *blocks[BLOCKS];
        for (int number = 0; number < BLOCKS; number++) {
            blocks[number] = malloc(BYTES);
            memset(blocks[number], number, BYTES);
        }
        while (omp_get_wtime() < until)
            for (int number = 0; number < BLOCKS; number++)
                sum += blocks[number][number];
        for (int number = 0; number < BLOCKS; number++)
            free(blocks[number]);
    }
    return sum;
}

/* Run a battery of TestU01 on 64-bit words from standard input.
 *
 * Each word gives its lower 32 bits, then its upper 32 bits; "reversed" turns every 32 bits end to end, since most
 * tests look at the upper bits. "one N" runs test N of Crush alone. With Debian's libtestu01-0-dev:
 *
 *   cc -O2 -o battery docs/generator_battery.c -ltestu01 -ltestu01probdist -ltestu01mylib -lm
 *   python docs/generator_words.py | ./battery small
 *   python docs/generator_words.py | ./battery crush reversed
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <testu01/bbattery.h>
#include <testu01/unif01.h>

static uint32_t buffer[1 << 16];
static size_t next, filled;
static unsigned long long taken;
static int reversed;

static unsigned int bits(void)
{
    if (next == filled) {
        filled = fread(buffer, sizeof *buffer, sizeof buffer / sizeof *buffer, stdin);
        next = 0;
        if (filled == 0) {
            fprintf(stderr, "the words ended before the battery did\n");
            exit(2);
        }
    }
    uint32_t x = buffer[next++];
    taken++;
    if (reversed) {
        x = (x & 0x55555555u) << 1 | (x >> 1 & 0x55555555u);
        x = (x & 0x33333333u) << 2 | (x >> 2 & 0x33333333u);
        x = (x & 0x0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0fu);
        x = __builtin_bswap32(x);
    }
    return x;
}

int main(int count, char **argument)
{
    const char *battery = count > 1 ? argument[1] : "small";
    reversed = strcmp(argument[count - 1], "reversed") == 0;
    unif01_Gen *generator = unif01_CreateExternGenBits("words", bits);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (strcmp(battery, "small") == 0)
        bbattery_SmallCrush(generator);
    else if (strcmp(battery, "crush") == 0)
        bbattery_Crush(generator);
    else if (strcmp(battery, "one") == 0 && count > 2) {
        int repeats[97] = {0};
        repeats[atoi(argument[2])] = 1;
        bbattery_RepeatCrush(generator, repeats);
    } else {
        fprintf(stderr, "small | crush | one N, then perhaps reversed\n");
        return 1;
    }
    printf("%llu words of 32 bits were read\n", taken);
    unif01_DeleteExternGenBits(generator);
    return 0;
}

// SPDX-License-Identifier: MIT
//
// A CPU benchmark of CoreMark's kind: list work, matrix work, a state machine and a CRC over their
// results, all in the caches. Usage: cpu ITERATIONS. Prints the CRC, which depends on nothing but the
// count, and with -t the seconds it took.
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES 200
#define SIDE 24

struct node {
	struct node *next;
	int16_t value, index;
};

static struct node nodes[NODES];
static int16_t ma[SIDE][SIDE], mb[SIDE][SIDE];
static int32_t mc[SIDE][SIDE];
static const char *inputs[] = { "5012", "-874", "+122", "35.54", ".1234", "-110.7", "+0.64", "1e3", "-.5e-8", "T0.3", "0x1f", "9e+", "12,5" };

static uint16_t crc16(uint32_t v, uint16_t crc)
{
	for (int i = 0; i < 32; i++) {
		int bit = (v ^ crc) & 1;
		crc >>= 1;
		v >>= 1;
		if (bit)
			crc ^= 0xa001;
	}
	return crc;
}

static struct node *list_merge(struct node *a, struct node *b, int by_index)
{
	struct node head, *tail = &head;

	while (a && b) {
		struct node **least = (by_index ? a->index <= b->index : a->value <= b->value) ? &a : &b;
		tail->next = *least;
		tail = *least;
		*least = (*least)->next;
	}
	tail->next = a ? a : b;
	return head.next;
}

static struct node *list_sort(struct node *list, int by_index)
{
	struct node *slow = list, *fast = list, *half;

	if (!list || !list->next)
		return list;
	while (fast->next && fast->next->next) {
		slow = slow->next;
		fast = fast->next->next;
	}
	half = slow->next;
	slow->next = NULL;
	return list_merge(list_sort(list, by_index), list_sort(half, by_index), by_index);
}

static uint16_t list_round(int seed, uint16_t crc)
{
	struct node *list = NULL, *prev = NULL;

	for (int i = 0; i < NODES; i++) {
		nodes[i].value = (int16_t)((i * 7919 + seed * 31) % 1009);
		nodes[i].index = (int16_t)i;
		nodes[i].next = list;
		list = &nodes[i];
	}
	list = list_sort(list, 0);
	for (struct node *n = list, *next; n; n = next) { // reverse
		next = n->next;
		n->next = prev;
		prev = n;
	}
	for (struct node *n = prev; n; n = n->next)
		if (n->value % 3 == 0)
			crc = crc16((uint32_t)n->value, crc);
	return crc16((uint32_t)list_sort(prev, 1)->index, crc);
}

static uint16_t matrix_round(int seed, uint16_t crc)
{
	int32_t sum = 0;

	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			ma[i][j] = (int16_t)(seed + i * j);
			mb[i][j] = (int16_t)((seed ^ i) - j);
		}
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++) {
			int32_t s = 0;
			for (int k = 0; k < SIDE; k++)
				s += (int32_t)ma[i][k] * mb[k][j];
			mc[i][j] = s;
		}
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++)
			sum += (mc[i][j] >> 2) & 0x7f;
	return crc16((uint32_t)sum, crc);
}

enum state { START, SIGN, INTEGER, FRACTION, EXPONENT, EXPONENT_SIGN, SCIENTIFIC, INVALID, STATES };

static enum state state_next(enum state s, char c)
{
	int digit = c >= '0' && c <= '9';

	switch (s) {
	case START:
		return digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? FRACTION : INVALID;
	case SIGN:
		return digit ? INTEGER : c == '.' ? FRACTION : INVALID;
	case INTEGER:
		return digit ? INTEGER : c == '.' ? FRACTION : c == 'e' ? EXPONENT : INVALID;
	case FRACTION:
		return digit ? FRACTION : c == 'e' ? EXPONENT : INVALID;
	case EXPONENT:
		return digit ? SCIENTIFIC : c == '+' || c == '-' ? EXPONENT_SIGN : INVALID;
	case EXPONENT_SIGN:
	case SCIENTIFIC:
		return digit ? SCIENTIFIC : INVALID;
	default:
		return INVALID;
	}
}

static uint16_t state_round(int seed, uint16_t crc)
{
	uint32_t ends[STATES] = { 0 }, steps[STATES] = { 0 };
	char text[16];

	for (int r = 0; r < 40; r++) {
		strcpy(text, inputs[(unsigned)(seed + r) % (sizeof(inputs) / sizeof(inputs[0]))]);
		text[(unsigned)r % strlen(text)] ^= (char)(seed & 1);
		enum state s = START;
		for (const char *c = text; *c; c++) {
			s = state_next(s, *c);
			steps[s]++;
		}
		ends[s]++;
	}
	for (int i = 0; i < STATES; i++)
		crc = crc16(ends[i], crc16(steps[i], crc));
	return crc;
}

int main(int argc, char **argv)
{
	int timed = argc > 1 && !strcmp(argv[1], "-t");
	long n = argc > 1 + timed ? atol(argv[1 + timed]) : 0;
	struct timespec a, b;
	uint16_t crc = 0xffff;

	if (n < 1) {
		fprintf(stderr, "usage: cpu [-t] ITERATIONS\n");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (long i = 0; i < n; i++)
		crc = state_round((int)i, matrix_round((int)i, list_round((int)i, crc)));
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("crc %04x\n", crc);
	if (timed)
		printf("seconds %.6f\n", (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return 0;
}

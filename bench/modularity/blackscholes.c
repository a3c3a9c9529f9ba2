// SPDX-License-Identifier: MIT
//
// Prices options by the formula of Black and Scholes, as PARSEC's benchmark of that name does: numbers in, numbers out.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double normal(double x)
{
	return 0.5 * erfc(-x * M_SQRT1_2);
}

static double call_price(double spot, double strike, double rate, double volatility, double time)
{
	double d1 = (log(spot / strike) + (rate + volatility * volatility / 2) * time) / (volatility * sqrt(time));
	return spot * normal(d1) - strike * exp(-rate * time) * normal(d1 - volatility * sqrt(time));
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
	double *price = malloc((size_t)n * sizeof(*price)), sum = 0;
	if (!price)
		return 1;
	for (long i = 0; i < n; i++)
		price[i] = call_price(90 + (double)(i % 20), 100, 0.05, 0.1 + 0.01 * (double)(i % 30),
				      0.5 + (double)(i % 4));
	for (long i = 0; i < n; i++)
		sum += price[i];
	printf("%ld options, sum %.6f\n", n, sum);
	return 0;
}

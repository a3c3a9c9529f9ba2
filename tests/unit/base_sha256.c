// SPDX-License-Identifier: MIT
//
// SHA-256 against the examples of FIPS 180-4, and the same bytes in pieces of every length.
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "check.h"

static const char *hash_of(const void *data, size_t len, size_t piece)
{
	static char text[65];
	struct sha256 s;
	uint8_t hash[32];
	sha256_init(&s);
	for (size_t at = 0; at < len; at += piece)
		sha256_add(&s, (const char *)data + at, piece < len - at ? piece : len - at);
	sha256_end(&s, hash);
	for (unsigned i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return text;
}

int main(void)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static char many[1000000], first[65];
	CHECK(!strcmp(hash_of("", 0, 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	CHECK(!strcmp(hash_of("abc", 3, 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	CHECK(!strcmp(hash_of(two, 56, 56), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
	memset(many, 'a', sizeof(many));
	CHECK(!strcmp(hash_of(many, sizeof(many), sizeof(many)),
		      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
	for (size_t len = 0; len < 200; len++) {
		strcpy(first, hash_of(many, len, 200));
		for (size_t piece = 1; piece < 130; piece += 7)
			CHECK(!strcmp(first, hash_of(many, len, piece)));
	}
	return 0;
}

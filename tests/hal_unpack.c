/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* hal_unpack FILE DIR: make the tree that a file describes. */
#include "config.h"

#include <stdio.h>

#include "tests/hal_tree.h"

int main(int argc, char **argv)
{
	struct hal_tree t;

	if (argc != 3 || snprintf(t.root, sizeof(t.root), "%s", argv[2]) >= (int)sizeof(t.root)) {
		fprintf(stderr, "usage: hal_unpack FILE DIR\n");
		return 2;
	}
	hal_tree_load(&t, argv[1]);
	return 0;
}

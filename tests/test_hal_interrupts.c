/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Counting the interrupts of PCI functions: which lines are theirs, and what damage costs. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hal/interrupts.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

#define FUNCTION "0000:21:00.0"
#define OTHER	 "0000:22:00.0"
#define LEGACY	 "0000:23:00.0"
#define HEADING	 "            CPU0       CPU1       \n"

static struct hal_tree tree;
static struct dam_interrupts *irqs;

static void setup(void)
{
	hal_tree_open(&tree);
	hal_tree_put(&tree, "/sys/bus/pci/devices/" FUNCTION "/msi_irqs/24", "msix\n");
	hal_tree_put(&tree, "/sys/bus/pci/devices/" FUNCTION "/msi_irqs/25", "msix\n");
	hal_tree_put(&tree, "/sys/bus/pci/devices/" FUNCTION "/irq", "11\n");
	hal_tree_put(&tree, "/sys/bus/pci/devices/" OTHER "/irq", "11\n");
	hal_tree_put(&tree, "/sys/bus/pci/devices/" LEGACY "/irq", "11\n");
	hal_tree_put(&tree, "/sys/bus/pci/devices/0000:24:00.0/irq", "0\n");
	hal_tree_put(&tree, "/proc/interrupts", HEADING);
	ck_assert_int_eq(dam_interrupts_open(tree.root, &irqs), 0);
}

static void teardown(void)
{
	dam_interrupts_close(irqs);
	hal_tree_close(&tree);
}

static const struct {
	const char *why, *text;
	uint64_t function, other; /* interrupts */
} rows[] = {
	{"all CPUs and all vectors of a function are summed; the words behind do not count",
	 HEADING "  24:          1         20  PCI-MSI 524288-edge      nvme0q0\n"
		 "  25:        300       4000  PCI-MSI 524289-edge      nvme0q1\n"
		 " 124:          9          9  PCI-MSI 524290-edge      nvme1q1\n",
	 4321, 0},
	{"a shared line counts for each of its functions",
	 HEADING "  11:          5          6  IO-APIC 11-fasteoi   ehci, ahci\n", 0, 11},
	{"named lines have no number", HEADING " NMI:   1   2   Non-maskable interrupts\nERR:  3\n",
	 0, 0},
	{"a word that begins with a digit is no count", HEADING "  24:   7   8  3com-edge   x\n",
	 15, 0},
	{"a number without a colon is no line", HEADING "  24   7   8  PCI\n", 0, 0},
	{"an empty file", "", 0, 0},
	{"a huge number of a line", HEADING "99999999999999999999:   7   8  PCI\n", 0, 0},
};

START_TEST(test_rows)
{
	int function = dam_interrupts_watch(irqs, FUNCTION);
	int other = dam_interrupts_watch(irqs, OTHER);

	ck_assert_int_ge(function, 0);
	ck_assert_int_ge(other, 0);
	hal_tree_put(&tree, "/proc/interrupts", "%s", rows[_i].text);
	ck_assert_int_eq(dam_interrupts_read(irqs), 0);
	ck_assert_msg(dam_interrupts_count(irqs, function) == rows[_i].function, "%s: %llu",
		      rows[_i].why, (unsigned long long)dam_interrupts_count(irqs, function));
	ck_assert_msg(dam_interrupts_count(irqs, other) == rows[_i].other, "%s: %llu", rows[_i].why,
		      (unsigned long long)dam_interrupts_count(irqs, other));
}
END_TEST

/* Lines are longer than one read on a machine with many CPUs. */
START_TEST(test_many_lines)
{
	static char text[1 << 20];
	int group = dam_interrupts_watch(irqs, FUNCTION);
	size_t at = 0;

	for (int n = 1; n <= 60; n++) {
		at += (size_t)sprintf(text + at, "%4d:", n);
		for (int cpu = 0; cpu < 512; cpu++)
			at += (size_t)sprintf(text + at, " %10d", n);
		at += (size_t)sprintf(text + at, "  PCI-MSI %d-edge nvme0q%d\n", n, n);
	}
	hal_tree_put(&tree, "/proc/interrupts", "%s", text);
	ck_assert_int_eq(dam_interrupts_read(irqs), 0);
	ck_assert_uint_eq(dam_interrupts_count(irqs, group), 512 * (24 + 25));
}
END_TEST

START_TEST(test_line_without_end)
{
	static char text[300000];
	int group = dam_interrupts_watch(irqs, FUNCTION);

	memset(text, '7', sizeof(text) - 1);
	strcpy(text + sizeof(text) - 40, "\n  24:   7   8  PCI\n");
	hal_tree_put(&tree, "/proc/interrupts", "%s", text);
	ck_assert_int_eq(dam_interrupts_read(irqs), 0);
	ck_assert_uint_eq(dam_interrupts_count(irqs, group), 15);
}
END_TEST

START_TEST(test_watch)
{
	char name[32];

	ck_assert_int_eq(dam_interrupts_watch(irqs, FUNCTION), 0);
	ck_assert_int_eq(dam_interrupts_watch(irqs, FUNCTION), 0); /* the same group */
	ck_assert_int_eq(dam_interrupts_watch(irqs, ""), -ENOENT);
	ck_assert_int_eq(dam_interrupts_watch(irqs, "../.."), -ENOENT);
	ck_assert_int_eq(dam_interrupts_watch(irqs, "0000:99:00.0"), -ENOENT);
	ck_assert_int_eq(dam_interrupts_watch(irqs, "0000:24:00.0"), -ENOENT); /* irq 0: none */
	ck_assert_int_eq(dam_interrupts_watch(irqs, OTHER), 1);
	for (int i = 2; i <= DAM_INTERRUPTS_GROUPS; i++) {
		char path[96];

		snprintf(name, sizeof(name), "0001:%02x:00.0", i & 0xff);
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/irq", name);
		hal_tree_put(&tree, path, "%d\n", 1000 + i);
		ck_assert_int_eq(dam_interrupts_watch(irqs, name),
				 i < DAM_INTERRUPTS_GROUPS ? i : -ENOSPC);
	}
}
END_TEST

START_TEST(test_vectors_change)
{
	int group = dam_interrupts_watch(irqs, FUNCTION);

	hal_tree_put(&tree, "/proc/interrupts", HEADING "  24: 1 1 a\n  30: 5 5 b\n");
	ck_assert_int_eq(dam_interrupts_read(irqs), 0);
	ck_assert_uint_eq(dam_interrupts_count(irqs, group), 2);
	hal_tree_put(&tree, "/sys/bus/pci/devices/" FUNCTION "/msi_irqs/30", "msix\n");
	dam_interrupts_refresh(irqs);
	ck_assert_int_eq(dam_interrupts_read(irqs), 0);
	ck_assert_uint_eq(dam_interrupts_count(irqs, group), 12);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_interrupts");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, test_many_lines);
	tcase_add_test(t, test_line_without_end);
	tcase_add_test(t, test_watch);
	tcase_add_test(t, test_vectors_change);
	return run_suite(s);
}

/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The functions of a program or library, by the place in its file. */
#ifndef DAM_TOOLS_ELF_H
#define DAM_TOOLS_ELF_H

#include <stddef.h>
#include <stdint.h>

struct dam_elf;

/**
 * dam_elf_open() - read the symbols of file @path
 * @inode: what it had when its code ran; another file by now is of no use; 0: not known
 *
 * The file is not trusted: nothing in it can do harm.
 * Return: NULL: no such file, not that file, no ELF file of 64 bits. The caller closes it.
 */
struct dam_elf *dam_elf_open(const char *path, uint64_t inode);
void dam_elf_close(struct dam_elf *e);

/**
 * dam_elf_function() - the function around the byte at @file_offset
 * @offset: distance from the function's start
 * Return: its name as the file has it; NULL: none is known.
 */
const char *dam_elf_function(const struct dam_elf *e, uint64_t file_offset, uint64_t *offset);

/** dam_elf_address() - the address that debuggers know @file_offset by. Return: 0: it is not
 * loaded. */
uint64_t dam_elf_address(const struct dam_elf *e, uint64_t file_offset);

#endif

/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Requests to the kernel by generic netlink. */
#ifndef DAM_HAL_GENL_H
#define DAM_HAL_GENL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/* The kernel's answers fit a page; replies that carry extended errors too. */
#define DAM_GENL_BUFFER 8192

/** dam_genl_begin() - @buf's request for command @cmd of family @type; attributes are the caller's to add. */
struct nlmsghdr *dam_genl_begin(void *buf, uint16_t type, uint8_t cmd);

/** dam_genl_talk() - send a request, hand its answers to @cb. Return: 0; -errno, also the kernel's refusal. */
int dam_genl_talk(struct mnl_socket *nl, struct nlmsghdr *request, mnl_cb_t cb, void *data);

/** dam_genl_family() - the number of the family called @name. Return: 0; -ENOENT: there is none; another -errno. */
int dam_genl_family(struct mnl_socket *nl, const char *name, uint16_t *out);

#endif

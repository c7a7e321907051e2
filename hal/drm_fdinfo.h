/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What /proc/PID/fdinfo/N tells of a descriptor of a GPU: engine time. */
#ifndef DAM_HAL_DRM_FDINFO_H
#define DAM_HAL_DRM_FDINFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DAM_DRM_PDEV 32

/* One client: descriptors that were duplicated share it. */
struct dam_drm_client {
	char pdev[DAM_DRM_PDEV]; /* "0000:03:00.0"; "": not a PCI device */
	uint64_t id;
	uint64_t copy_ns;	 /* time that its work kept copy engines busy */
	uint64_t all_ns;	 /* the same for all engines */
	uint64_t copy_engines;	 /* that many copy at a time; 0: one */
	uint64_t copy_cycles, total_cycles; /* of a copy engine, for drivers that count these instead; 0: they do not */
};

/**
 * dam_drm_parse() - the text of one fdinfo file
 * @text: changed on the way
 *
 * Return: false when it is no descriptor of a GPU, or tells no engine time.
 */
bool dam_drm_parse(char *text, struct dam_drm_client *out);

/**
 * dam_drm_process() - the clients of process @pid
 * @out, @max: room for them; descriptors of one client are told once
 *
 * Return: their number; -errno when its descriptors cannot be read.
 */
int dam_drm_process(const char *root, pid_t pid, struct dam_drm_client *out, int max);

#endif

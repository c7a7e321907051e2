/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What kind of device a number stands for: request codes of ioctls mean something only for one kind. */
#ifndef DAM_PRELOAD_DEVICE_H
#define DAM_PRELOAD_DEVICE_H

#include <stdint.h>

enum dam_class {
	DAM_CLASS_NONE, /* moves nothing that we know of */
	DAM_CLASS_DISK,
	DAM_CLASS_NVME, /* the character devices: controllers, generic namespaces */
	DAM_CLASS_SCSI, /* sg, bsg */
	DAM_CLASS_VFIO, /* a container */
	DAM_CLASS_HEAP, /* dma-heap */
	DAM_CLASS_UDMABUF,
	DAM_CLASS_DMABUF, /* a shared buffer: no device, yet a descriptor with requests of its own */
	DAM_CLASS_VIDEO,
	DAM_CLASS_AMDGPU,
	DAM_CLASS_I915,
	DAM_CLASS_XE,
	DAM_CLASS_KFD,
	DAM_CLASS_NVIDIA,
	DAM_CLASS_XDMA,
	DAM_CLASS_SPI,
	DAM_CLASS_I2C,
};

/**
 * dam_device_class() - the kind of character device @dev
 * @sys: where sysfs is mounted
 *
 * A few links of sysfs are read: some microseconds, once per device. Keeps errno. Raw system calls only.
 */
enum dam_class dam_device_class(const char *sys, uint64_t dev);

#endif

/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The seal: from the moment the program installs a system call filter, none of ours any more. */
#ifndef DAM_PRELOAD_SEAL_H
#define DAM_PRELOAD_SEAL_H

#include <stdbool.h>

#include "preload/self.h"

/** dam_seal() - before the filter goes in. Return: whether it was sealed already. */
static inline bool dam_seal(void)
{
	return __atomic_exchange_n(&dam_sealed, true, __ATOMIC_SEQ_CST);
}

/** dam_unseal() - the filter was refused: as it @was. */
static inline void dam_unseal(bool was)
{
	__atomic_store_n(&dam_sealed, was, __ATOMIC_SEQ_CST);
}

#endif

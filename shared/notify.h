/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program tells the service manager that started it (sd_notify(3), Type=notify). */
#ifndef SHARED_NOTIFY_H
#define SHARED_NOTIFY_H

/* Tells the socket that $NOTIFY_SOCKET names that the program is ready. Returns 0, also when no
 * manager wants to hear it, or -errno after a log line. */
int notify_ready(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What is lost outside of the workers, gathered into the facts. Main thread. */
#ifndef DATAPLANE_CONTROL_LOSSES_H
#define DATAPLANE_CONTROL_LOSSES_H

struct dataplane;

/* Every second: some drivers ask the hardware. */
void losses_note(struct dataplane *dp);

#endif

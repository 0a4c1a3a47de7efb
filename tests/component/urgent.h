/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests of how long something takes: what others do on the machine is not what they are about.
 */
#ifndef TESTS_COMPONENT_URGENT_H
#define TESTS_COMPONENT_URGENT_H

/* This process, and those that it starts from now on, get a CPU before all ordinary ones. They must
 * sleep most of the time. Where the machine does not allow it, a word says so. */
void urgent(void);

#endif

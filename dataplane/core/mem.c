/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/mem.h"

#include "shared/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM_HUGE_SIZE ((size_t)2 << 20)
#define MEM_LINE      64

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEM_LIBC true
#else
#define MEM_LIBC false
#endif

static size_t mem_round(const struct mem *mem, size_t size)
{
	size_t unit = mem->hugepages ? MEM_HUGE_SIZE : (size_t)sysconf(_SC_PAGESIZE);

	return (size + unit - 1) & ~(unit - 1);
}

static void *mem_refuse(const struct mem *mem, size_t size, const char *what)
{
	log_error("no memory for %s: %zu MB%s: %s", what, (size >> 20) + 1,
		mem->hugepages ? " of huge pages (dataplane.hugepages, see vm.nr_hugepages)" : "",
		strerror(errno));
	return NULL;
}

void *mem_get(const struct mem *mem, size_t size, const char *what)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *ptr;

	if (MEM_LIBC) {
		size = (size + MEM_LINE - 1) & ~(size_t)(MEM_LINE - 1);
		ptr = aligned_alloc(MEM_LINE, size);
		return ptr ? memset(ptr, 0, size) : mem_refuse(mem, size, what);
	}
	size = mem_round(mem, size);
	if (mem->hugepages)
		flags |= MAP_HUGETLB | MAP_POPULATE;
	ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (ptr == MAP_FAILED)
		return mem_refuse(mem, size, what);
	/* Only a wish: without it the table works on small pages. */
	if (!mem->hugepages)
		madvise(ptr, size, MADV_HUGEPAGE);
	return ptr;
}

void mem_put(const struct mem *mem, void *ptr, size_t size)
{
	if (!ptr)
		return;
	if (MEM_LIBC)
		free(ptr);
	else
		munmap(ptr, mem_round(mem, size));
}

void *mem_get_shared(const struct mem *mem, size_t size, const char *what, int *fd)
{
	/* Whoever gets the descriptor may map it for reading only; our own mapping stays writable.
	 */
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	void *ptr = MAP_FAILED;

	size = mem_round(mem, size);
	if (mem->hugepages)
		flags |= MFD_HUGETLB;
	*fd = memfd_create("linewatch-facts", flags);
	if (*fd < 0)
		return mem_refuse(mem, size, what);
	if (ftruncate(*fd, (off_t)size) < 0)
		goto fail;
	ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (ptr == MAP_FAILED || fcntl(*fd, F_ADD_SEALS, seals) < 0)
		goto fail;
	return ptr;
fail:
	mem_refuse(mem, size, what);
	if (ptr != MAP_FAILED)
		munmap(ptr, size);
	close(*fd);
	*fd = -1;
	return NULL;
}

void mem_put_shared(const struct mem *mem, void *ptr, size_t size)
{
	if (ptr)
		munmap(ptr, mem_round(mem, size));
}

//! glibc's allocator, told what kind of program this is.
//!
//! Every record that is sent is copied by the worker's thread and freed by the client's. In an arena that is not the main
//! one, glibc gives the top back to the kernel as soon as some MiB of it are free, and takes it back page by page, with one
//! `mprotect` and one page fault each (`heap_trim` and `grow_heap`, `malloc/arena.c`).

#[cfg(target_env = "gnu")]
use super::sys;

/// Kept free at the top of each arena, against the peak of memory. Medians of three or four pairs on a machine whose speed
/// moves by a third: 64 MiB took 6 to 8 % less CPU than glibc's own limits and a quarter more memory at a copy's peak; 24 MiB
/// took 7 % more CPU than 64 and an eighth less memory, 8 MiB 16 % more.
#[cfg(target_env = "gnu")]
const TRIM_BYTES: std::ffi::c_int = 24 << 20;
/// glibc's own number for two cores; of many cores it would make hundreds, each with so much to keep. 16 of 24 MiB are
/// what a hundred pipelines may keep that were busy once.
#[cfg(target_env = "gnu")]
const ARENAS_MAX: std::ffi::c_int = 16;
/// Buffers of fetches and requests come from the arenas too; glibc itself goes up to this once such buffers were freed,
/// unless the other limit is set.
#[cfg(target_env = "gnu")]
const MMAP_BYTES: std::ffi::c_int = 32 << 20;

/// Call it before the first client is made. A limit that the library does not take is no harm: its own stays.
pub(in crate::kafka) fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two integers and may be called at any time (malloc(3) locks it).
    unsafe {
        sys::mallopt(sys::M_TRIM_THRESHOLD, TRIM_BYTES);
        sys::mallopt(sys::M_MMAP_THRESHOLD, MMAP_BYTES);
        sys::mallopt(sys::M_ARENA_MAX, ARENAS_MAX);
    }
}

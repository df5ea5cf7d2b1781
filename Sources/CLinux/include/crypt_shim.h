// Password hashing of libcrypt, callable with plain buffers.
#ifndef SLUICE_CRYPT_SHIM_H
#define SLUICE_CRYPT_SHIM_H

#include <crypt.h>
#include <stddef.h>

// struct crypt_data holds arrays too long for Swift to import, so its size is passed on instead.
static inline size_t sluice_crypt_scratch_size(void) { return sizeof(struct crypt_data); }

// The hash of `phrase` under `setting`, inside `scratch` (of the size above, zeroed before its first use); NULL when
// libcrypt does not accept the setting or the phrase.
static inline const char *_Nullable sluice_crypt(const char *_Nonnull phrase, const char *_Nonnull setting,
                                                 void *_Nonnull scratch) {
    return crypt_rn(phrase, setting, scratch, (int)sizeof(struct crypt_data));
}

// Smallest `capacity` for `sluice_crypt_setting`.
static inline size_t sluice_crypt_setting_size(void) { return CRYPT_GENSALT_OUTPUT_SIZE; }

// Writes a fresh setting for the hash that `prefix` names, salted with `entropy`; 0 on success, -1 when refused.
static inline int sluice_crypt_setting(const char *_Nonnull prefix, unsigned long cost, const void *_Nonnull entropy,
                                       size_t entropy_count, char *_Nonnull setting, size_t capacity) {
    return crypt_gensalt_rn(prefix, cost, (const char *)entropy, (int)entropy_count, setting, (int)capacity) ? 0 : -1;
}

#endif

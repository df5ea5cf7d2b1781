#ifndef SLUICE_DASHBOARD_H
#define SLUICE_DASHBOARD_H

#include <stddef.h>

// The files of the dashboard, as they are in web/, inside the binary.
struct dashboard_file {
    const char *path;          // as the browser asks for it, such as "/style.css"
    const char *content_type;
    const unsigned char *bytes;
    size_t count;
};

extern const struct dashboard_file dashboard_files[];
extern const size_t dashboard_file_count;

// Swift sees no array of unknown length.
static inline const struct dashboard_file *dashboard_file_at(size_t index) { return &dashboard_files[index]; }

#endif

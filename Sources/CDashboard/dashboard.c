#include "dashboard.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "web/index.html"
};

const struct dashboard_file dashboard_files[] = {
    {"/", "text/html; charset=utf-8", index_html, sizeof index_html},
};

const size_t dashboard_file_count = sizeof dashboard_files / sizeof dashboard_files[0];

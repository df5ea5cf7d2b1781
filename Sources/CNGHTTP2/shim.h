// nghttp2: framing, HPACK and stream states of HTTP/2.
#ifndef SLUICE_NGHTTP2_SHIM_H
#define SLUICE_NGHTTP2_SHIM_H

#include <nghttp2/nghttp2.h>

#endif

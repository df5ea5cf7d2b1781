// The parts of OpenSSL 3 that Sluice calls.
#ifndef SLUICE_OPENSSL_SHIM_H
#define SLUICE_OPENSSL_SHIM_H

#include <openssl/crypto.h>
#include <openssl/evp.h>

#endif

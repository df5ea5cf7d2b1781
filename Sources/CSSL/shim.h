// libssl, and what of it Swift cannot call by itself: macros, lists and unions.
#ifndef SLUICE_SSL_SHIM_H
#define SLUICE_SSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Settings of a context.

static inline void sluice_ssl_restrict(SSL_CTX *context, int oldest) {
    SSL_CTX_set_min_proto_version(context, oldest);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_recv_max_early_data(context, 0);
}

static inline int sluice_ssl_set_groups(SSL_CTX *context, const char *groups) {
    return (int)SSL_CTX_set1_groups_list(context, groups);
}

static inline void sluice_ssl_set_mode(SSL_CTX *context, unsigned int mode) { SSL_CTX_set_mode(context, mode); }

static inline void sluice_ssl_set_session_cache(SSL_CTX *context, int mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int sluice_ssl_no_cache(void) { return SSL_SESS_CACHE_OFF; }
static inline int sluice_ssl_own_client_cache(void) { return SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL; }

static inline void sluice_ssl_on_server_name(SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *owner) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    SSL_CTX_set_tlsext_servername_arg(context, owner);
}

// Takes a reference of its own.
static inline void sluice_ssl_use_store(SSL_CTX *context, X509_STORE *store) {
    SSL_CTX_set1_cert_store(context, store);
}

// Names a certificate's issuer to the clients that are asked for theirs.
static inline int sluice_ssl_ask_for(SSL_CTX *context, X509 *issuer) { return SSL_CTX_add_client_CA(context, issuer); }

// The certificate and key, and `chain` behind them: `count` certificates.
static inline int sluice_ssl_use(SSL_CTX *context, X509 *leaf, EVP_PKEY *key, X509 *const *chain, size_t count) {
    STACK_OF(X509) *stack = sk_X509_new_null();
    int done = stack != NULL;
    for (size_t index = 0; done && index < count; index++) done = sk_X509_push(stack, chain[index]) > 0;
    done = done && SSL_CTX_use_cert_and_key(context, leaf, key, stack, 0) == 1;
    sk_X509_free(stack);
    return done;
}

// Settings of a connection.

static inline int sluice_ssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// Prepares the check of a session ticket: HMAC-SHA-256.
static inline int sluice_ticket_mac(EVP_MAC_CTX *context, const unsigned char *key, size_t count) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_init(context, key, count, parameters);
}

// Certificates.

// Calls `name` with each DNS name of the certificate's subjectAltName.
static inline void sluice_x509_dns_names(X509 *certificate, void (*name)(void *, const unsigned char *, size_t),
                                         void *owner) {
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
        const GENERAL_NAME *entry = sk_GENERAL_NAME_value(names, index);
        if (entry->type != GEN_DNS) continue;
        int count = ASN1_STRING_length(entry->d.dNSName);
        const unsigned char *bytes = ASN1_STRING_get0_data(entry->d.dNSName);
        if (bytes != NULL && count > 0) name(owner, bytes, (size_t)count);
    }
    GENERAL_NAMES_free(names);
}

// RFC 2253 text of a name.
static inline int sluice_x509_print_name(BIO *target, const X509_NAME *name) {
    return X509_NAME_print_ex(target, name, 0, XN_FLAG_RFC2253);
}

static inline void sluice_ssl_free(void *memory) { OPENSSL_free(memory); }

#endif

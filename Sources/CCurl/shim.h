// libcurl, and its variadic calls with one type each: Swift cannot call those.
#ifndef SLUICE_CURL_SHIM_H
#define SLUICE_CURL_SHIM_H

// Its checks need option names known while compiling; here they are arguments.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

static inline CURLcode sluice_curl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

// For options of the `_LARGE` kind.
static inline CURLcode sluice_curl_set_size(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

// Otherwise giving up a name lookup waits for it, and with it everything on the thread. Versions before 7.87 always do.
static inline void sluice_curl_leave_lookups(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    (void)easy;
#endif
}

// Copied by libcurl.
static inline CURLcode sluice_curl_set_text(CURL *easy, CURLoption option, const char *text) {
    return curl_easy_setopt(easy, option, text);
}

// Copied by libcurl, NUL bytes and all.
static inline CURLcode sluice_curl_set_body(CURL *easy, const void *bytes, size_t count) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, count > 0 ? bytes : "") : code;
}

// Copied by libcurl: what a file would hold.
static inline CURLcode sluice_curl_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {.data = (void *)bytes, .len = count, .flags = CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

// Not copied: the list lives as long as the handle.
static inline CURLcode sluice_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *list) {
    return curl_easy_setopt(easy, option, list);
}

// Not copied: CURL_ERROR_SIZE bytes that live as long as the handle.
static inline CURLcode sluice_curl_set_error_text(CURL *easy, char *buffer) {
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, buffer);
}

// A function for the lines of the head and the trailers, and one for the bytes of the body. What they return other than
// the number of bytes they were given ends the transfer with CURLE_WRITE_ERROR.
typedef size_t (*sluice_curl_receive)(char *bytes, size_t size, size_t count, void *owner);

static inline CURLcode sluice_curl_set_receivers(CURL *easy, sluice_curl_receive head, sluice_curl_receive body,
                                                 void *owner) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, head);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, owner);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body);
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_WRITEDATA, owner) : code;
}

// 0 where libcurl does not know.
static inline long sluice_curl_long(CURL *easy, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

// Microseconds since the transfer began, 0 for what has not happened.
static inline curl_off_t sluice_curl_time(CURL *easy, CURLINFO info) {
    curl_off_t value = 0;
    return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

// The open connection that the transfer has used, or -1.
static inline int sluice_curl_socket(CURL *easy) {
    curl_socket_t descriptor = CURL_SOCKET_BAD;
    return curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &descriptor) == CURLE_OK ? (int)descriptor : -1;
}

static inline CURLMcode sluice_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

// A transfer that has ended, and how; NULL when there is none left. `result` outlives what libcurl keeps of it.
static inline CURL *sluice_curl_multi_ended(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

#endif

/*
 * Plain values as MessagePack in the shortest form, byte for byte as msgspec writes them, and the CRC of names.
 *
 * Each function says 0 of what is not for this way: other types, integers beyond 64 bits, NaN, half a surrogate pair,
 * what nests too deep, and where there is no memory.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define NAME_CHARACTERS 256

typedef struct {
    unsigned char *bytes;
    size_t size;
    size_t room;
} Buffer;

/* ---- bytes ---- */

static int grow(Buffer *out, size_t more)
{
    if (out->size + more <= out->room)
        return 1;
    size_t room = out->room ? out->room : 4096;
    while (room < out->size + more)
        room *= 2;
    unsigned char *bytes = PyMem_Realloc(out->bytes, room);
    if (bytes == NULL)
        return 0;
    out->bytes = bytes;
    out->room = room;
    return 1;
}

static inline unsigned char *put_big_endian(unsigned char *to, uint64_t value, int bytes)
{
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        *to++ = (unsigned char)(value >> shift);
    return to;
}

static inline void put_little_endian(unsigned char *to, uint64_t value, int bytes)
{
    for (int at = 0; at < bytes; at++)
        to[at] = (unsigned char)(value >> (8 * at));
}

/* ---- MessagePack, in the shortest form as msgspec writes it; 0 where a value is not for this way ---- */

static int put_head(Buffer *out, size_t count, int few, unsigned char fixed, unsigned char as8, unsigned char as16)
{
    if (!grow(out, 5))
        return 0;
    unsigned char *to = out->bytes + out->size;
    if (count < (size_t)few)
        *to++ = (unsigned char)(fixed | count);
    else if (as8 && count < 0x100) {
        *to++ = as8;
        *to++ = (unsigned char)count;
    } else if (count < 0x10000) {
        *to++ = as16;
        to = put_big_endian(to, count, 2);
    } else {
        *to++ = (unsigned char)(as16 + 1);
        to = put_big_endian(to, count, 4);
    }
    out->size = (size_t)(to - out->bytes);
    return 1;
}

static int put_unsigned(Buffer *out, uint64_t value)
{
    if (!grow(out, 9))
        return 0;
    unsigned char *to = out->bytes + out->size;
    if (value < 0x80)
        *to++ = (unsigned char)value;
    else {
        int power = value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 0x100000000 ? 2 : 3;
        *to++ = (unsigned char)(0xcc + power);
        to = put_big_endian(to, value, 1 << power);
    }
    out->size = (size_t)(to - out->bytes);
    return 1;
}

static int put_signed(Buffer *out, int64_t value)
{
    if (value >= 0)
        return put_unsigned(out, (uint64_t)value);
    if (!grow(out, 9))
        return 0;
    unsigned char *to = out->bytes + out->size;
    if (value >= -32)
        *to++ = (unsigned char)value;
    else {
        int power = value >= INT8_MIN ? 0 : value >= INT16_MIN ? 1 : value >= INT32_MIN ? 2 : 3;
        *to++ = (unsigned char)(0xd0 + power);
        to = put_big_endian(to, (uint64_t)value, 1 << power);
    }
    out->size = (size_t)(to - out->bytes);
    return 1;
}

static int put_integer(Buffer *out, PyObject *value)
{
    int overflow = 0;
    long long small = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0)
        return put_signed(out, small);
    if (overflow < 0)
        return 0;
    unsigned long long large = PyLong_AsUnsignedLongLong(value);
    if (large == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return put_unsigned(out, large);
}

static int put_float(Buffer *out, double value)
{
    if (value - value != 0.0 || !grow(out, 9)) /* NaN and the infinities have no place in a log */
        return 0;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    out->bytes[out->size] = 0xcb;
    put_big_endian(out->bytes + out->size + 1, bits, 8);
    out->size += 9;
    return 1;
}

static int put_string(Buffer *out, PyObject *value)
{
    Py_ssize_t size;
    const char *text;
    if (PyUnicode_IS_COMPACT_ASCII(value)) {
        text = (const char *)PyUnicode_1BYTE_DATA(value);
        size = PyUnicode_GET_LENGTH(value);
    } else if ((text = PyUnicode_AsUTF8AndSize(value, &size)) == NULL) { /* half a surrogate pair */
        PyErr_Clear();
        return 0;
    }
    if (!put_head(out, (size_t)size, 32, 0xa0, 0xd9, 0xda) || !grow(out, (size_t)size))
        return 0;
    memcpy(out->bytes + out->size, text, (size_t)size);
    out->size += (size_t)size;
    return 1;
}

static int put_none(Buffer *out)
{
    if (!grow(out, 1))
        return 0;
    out->bytes[out->size++] = 0xc0;
    return 1;
}

static int put_value(Buffer *out, PyObject *value, long levels);

static int put_dict(Buffer *out, PyObject *value, long levels)
{
    if (levels < 1 || !put_head(out, (size_t)PyDict_GET_SIZE(value), 16, 0x80, 0, 0xde))
        return 0;
    PyObject *key, *inner;
    Py_ssize_t place = 0;
    while (PyDict_Next(value, &place, &key, &inner))
        if (!PyUnicode_CheckExact(key) || !put_string(out, key) || !put_value(out, inner, levels - 1))
            return 0;
    return 1;
}

static int put_list(Buffer *out, PyObject *value, long levels)
{
    Py_ssize_t count = PyList_GET_SIZE(value);
    if (levels < 1 || !put_head(out, (size_t)count, 16, 0x90, 0, 0xdc))
        return 0;
    for (Py_ssize_t place = 0; place < count; place++)
        if (!put_value(out, PyList_GET_ITEM(value, place), levels - 1))
            return 0;
    return 1;
}

static int put_value(Buffer *out, PyObject *value, long levels)
{
    if (PyUnicode_CheckExact(value))
        return put_string(out, value);
    if (PyLong_CheckExact(value))
        return put_integer(out, value);
    if (PyDict_CheckExact(value))
        return put_dict(out, value, levels);
    if (PyList_CheckExact(value))
        return put_list(out, value, levels);
    if (value == Py_None)
        return put_none(out);
    if (value == Py_True || value == Py_False) {
        if (!grow(out, 1))
            return 0;
        out->bytes[out->size++] = value == Py_True ? 0xc3 : 0xc2;
        return 1;
    }
    return PyFloat_CheckExact(value) && put_float(out, PyFloat_AS_DOUBLE(value));
}

/* ---- names ---- */

/* Only what is plain to see is taken: printable ASCII. Other names that pass are known after the Python way. */
static int is_plain_name(PyObject *name)
{
    if (!PyUnicode_CheckExact(name) || !PyUnicode_IS_COMPACT_ASCII(name))
        return 0;
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    const unsigned char *text = PyUnicode_1BYTE_DATA(name);
    if (size < 1 || size > NAME_CHARACTERS)
        return 0;
    for (Py_ssize_t at = 0; at < size; at++)
        if (text[at] < 0x20 || text[at] > 0x7e)
            return 0;
    return 1;
}

/* ---- CRC-32 as zlib's, a byte a step: names are short ---- */

static uint32_t crc_table[256];

static void make_crc_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
        crc_table[byte] = crc;
    }
}

static uint32_t crc_of(const unsigned char *at, size_t size)
{
    uint32_t crc = ~(uint32_t)0;
    for (; size; at++, size--)
        crc = crc_table[(crc ^ *at) & 0xff] ^ (crc >> 8);
    return ~crc;
}

/*
 * The optional native part of appending: checks, numbers and encodes the events of one append in one pass.
 *
 * It only accepts. What it does not know, or would have to refuse, it leaves to the Python way, which says why: `frame`
 * then returns None and has changed nothing. So the rules and the errors are in one place, and both ways lead to the
 * same bytes; a Hypothesis test holds them to that (tests/store/writing/test_native.py).
 *
 * No Python code runs between the first look at an event and the last: nothing can change under its hands.
 */
#include "_msgpack.h"
#include <structmember.h>

enum { TYPE, DATA, STREAM, CORRELATION, CAUSATION, METADATA, TAGS, FIELDS };

static const char *const FIELD_NAMES[FIELDS] = {"type", "data", "stream", "correlation_id", "causation_id", "metadata",
                                                "tags"};

#define RECORD_FIELDS 10
#define ARRAY_HEAD 5
#define CHUNK_BITS 10 /* of store/streams/revisions.py */

typedef struct {
    PyObject_HEAD
    PyTypeObject *event_type;
    PyObject *streams, *types, *agents, *revisions;
    Py_ssize_t at[FIELDS]; /* where in an event each field is */
    long depth;
    size_t event_bytes, append_bytes;
    Py_ssize_t batch_events;
    Buffer out;
} Framer;

static PyObject *number_of(PyObject *numbers, PyObject *name) /* borrowed; NULL if the name is not known */
{
    return PyUnicode_CheckExact(name) ? PyDict_GetItemWithError(numbers, name) : NULL;
}

/* ---- one append ---- */

typedef struct {
    PyObject *streams, *types, *correlations, *reached; /* new */
    PyObject *default_id;                               /* NULL: not known yet. Borrowed, as all that follow */
    PyObject *stream, *agent;
    uint64_t sequence;
    uint64_t time_ns;
} Append;

static inline PyObject *field(const Framer *self, PyObject *event, int which)
{
    return *(PyObject **)((char *)event + self->at[which]);
}

/* Move a stream on, or back, by one; -1 if its chunk cannot be written to yet. Returns the revision that it has reached. */
static long long advance(const Framer *self, PyObject *number, int by)
{
    Py_ssize_t place = PyLong_AsSsize_t(number);
    if (place < 0 || place >> CHUNK_BITS >= PyList_GET_SIZE(self->revisions))
        return -1;
    Py_buffer chunk;
    if (PyObject_GetBuffer(PyList_GET_ITEM(self->revisions, place >> CHUNK_BITS), &chunk, PyBUF_WRITABLE) < 0) {
        PyErr_Clear();
        return -1;
    }
    long long revision = -1;
    if (chunk.len == (Py_ssize_t)sizeof(uint64_t) << CHUNK_BITS) {
        uint64_t *reached = (uint64_t *)chunk.buf + (place & ((1 << CHUNK_BITS) - 1));
        *reached += (uint64_t)(int64_t)by;
        revision = (long long)*reached;
    }
    PyBuffer_Release(&chunk);
    return revision;
}

static int put_optional_name(Buffer *out, PyObject *name)
{
    return name == Py_None ? put_none(out) : is_plain_name(name) && put_string(out, name);
}

static int put_event(Framer *self, Append *append, PyObject *event, Py_ssize_t place)
{
    if (Py_TYPE(event) != self->event_type)
        return 0;
    for (int each = 0; each < FIELDS; each++)
        if (field(self, event, each) == NULL)
            return 0;
    PyObject *stream = field(self, event, STREAM), *data = field(self, event, DATA);
    PyObject *correlation = field(self, event, CORRELATION), *metadata = field(self, event, METADATA);
    PyObject *kind = number_of(self->types, field(self, event, TYPE));
    PyObject *number = stream == Py_None ? append->default_id : number_of(self->streams, stream);
    PyObject *tags = field(self, event, TAGS);
    if (kind == NULL || number == NULL || (metadata != Py_None && !PyDict_CheckExact(metadata)))
        return 0;
    if (!PyTuple_CheckExact(tags) || PyTuple_GET_SIZE(tags) != 0) /* rare, and hashed for the index */
        return 0;
    if (stream == Py_None)
        stream = append->stream;
    long long revision = advance(self, number, 1);
    if (revision < 0)
        return 0;
    Py_INCREF(number);
    Py_INCREF(kind);
    PyList_SET_ITEM(append->streams, place, number);
    PyList_SET_ITEM(append->types, place, kind);
    Buffer *out = &self->out;
    if (!put_head(out, RECORD_FIELDS, 16, 0x90, 0, 0xdc) || !put_unsigned(out, append->sequence + (uint64_t)place) ||
        !put_string(out, stream) || !put_unsigned(out, (uint64_t)revision) || !put_string(out, field(self, event, TYPE)) ||
        !put_string(out, append->agent) || !put_unsigned(out, append->time_ns) || !put_optional_name(out, correlation) ||
        !put_optional_name(out, field(self, event, CAUSATION)) || !put_value(out, metadata, self->depth))
        return 0;
    if (data == Py_None ? !put_head(out, 0, 16, 0x80, 0, 0xde) : !put_value(out, data, self->depth))
        return 0;
    if (correlation != Py_None) {
        if (append->correlations == NULL) {
            append->correlations = PyList_New(PyList_GET_SIZE(append->streams));
            if (append->correlations == NULL)
                return 0;
        }
        uint32_t hash = crc_of(PyUnicode_1BYTE_DATA(correlation), (size_t)PyUnicode_GET_LENGTH(correlation));
        PyObject *hashed = PyLong_FromUnsignedLong(hash);
        if (hashed == NULL)
            return 0;
        PyList_SET_ITEM(append->correlations, place, hashed);
    }
    PyObject *reached = PyLong_FromLongLong(revision);
    if (reached == NULL)
        return 0;
    int kept = PyDict_SetItem(append->reached, stream, reached);
    Py_DECREF(reached);
    return kept == 0;
}

static int put_events(Framer *self, Append *append, PyObject *const *events, Py_ssize_t count)
{
    Buffer *out = &self->out;
    size_t start = 4 * ((size_t)count + 1);
    out->size = 0;
    if (!grow(out, start + ARRAY_HEAD))
        return 0;
    out->bytes[start] = 0xdd;
    put_big_endian(out->bytes + start + 1, (uint64_t)count, 4);
    size_t begin = out->size = start + ARRAY_HEAD;
    for (Py_ssize_t place = 0; place < count; place++) {
        put_little_endian(out->bytes + 4 * place, out->size, 4);
        size_t before = out->size;
        if (!put_event(self, append, events[place], place) || out->size - before > self->event_bytes)
            return 0;
    }
    put_little_endian(out->bytes + 4 * count, out->size, 4);
    return out->size - begin <= self->append_bytes;
}

/* Give the events without a correlation id the hash 0, once it is clear that others have one. */
static int fill_correlations(PyObject *correlations)
{
    if (correlations == NULL)
        return 1;
    PyObject *none = PyLong_FromLong(0);
    if (none == NULL)
        return 0;
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(correlations); place++)
        if (PyList_GET_ITEM(correlations, place) == NULL) {
            Py_INCREF(none);
            PyList_SET_ITEM(correlations, place, none);
        }
    Py_DECREF(none);
    return 1;
}

static void go_back(const Framer *self, PyObject *streams)
{
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(streams); place++) {
        PyObject *number = PyList_GET_ITEM(streams, place);
        if (number == NULL)
            return;
        advance(self, number, -1);
    }
}

PyDoc_STRVAR(frame_doc, "frame(events, stream, agent, first_sequence, time_ns)\n--\n\n"
    "Return an append's body, streams, types, correlations, agent and revisions; None if it is not for this way.");

static PyObject *Framer_frame(Framer *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5) {
        PyErr_SetString(PyExc_TypeError, "frame() takes 5 arguments");
        return NULL;
    }
    PyObject *events = args[0];
    if (!PyList_CheckExact(events) && !PyTuple_CheckExact(events))
        Py_RETURN_NONE;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(events);
    Append append = {.stream = args[1], .agent = args[2]};
    append.sequence = PyLong_AsUnsignedLongLong(args[3]);
    append.time_ns = PyLong_AsUnsignedLongLong(args[4]);
    if (PyErr_Occurred()) { /* a clock before 1970 is the Python way's */
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    PyObject *agent = number_of(self->agents, append.agent);
    append.default_id = number_of(self->streams, append.stream);
    int named = append.default_id != NULL || is_plain_name(append.stream); /* which may be needed by no event */
    if (count < 1 || count > self->batch_events || agent == NULL || !named || PyErr_Occurred()) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    PyObject *result = NULL;
    append.streams = PyList_New(count);
    append.types = PyList_New(count);
    append.reached = PyDict_New();
    if (append.streams != NULL && append.types != NULL && append.reached != NULL &&
        put_events(self, &append, PySequence_Fast_ITEMS(events), count) && fill_correlations(append.correlations)) {
        PyObject *body = PyBytes_FromStringAndSize((const char *)self->out.bytes, (Py_ssize_t)self->out.size);
        if (body != NULL) {
            result = PyTuple_Pack(6, body, append.streams, append.types,
                                  append.correlations == NULL ? Py_None : append.correlations, agent, append.reached);
            Py_DECREF(body);
        }
    }
    if (result == NULL && append.streams != NULL)
        go_back(self, append.streams);
    Py_XDECREF(append.streams);
    Py_XDECREF(append.types);
    Py_XDECREF(append.correlations);
    Py_XDECREF(append.reached);
    if (self->out.room > 1 << 20) { /* one large append is no reason to keep so much */
        PyMem_Free(self->out.bytes);
        self->out = (Buffer){0};
    }
    if (result != NULL)
        return result;
    PyErr_Clear(); /* also of memory: the Python way then says it */
    Py_RETURN_NONE;
}

static int Framer_init(Framer *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"event_type", "streams", "types", "agents", "revisions", "depth", "event_bytes",
                            "append_bytes", "batch_events", NULL};
    PyTypeObject *event_type;
    PyObject *streams, *types, *agents, *revisions;
    Py_ssize_t event_bytes, append_bytes;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!O!O!O!lnnn", names, &PyType_Type, &event_type, &PyDict_Type,
                                     &streams, &PyDict_Type, &types, &PyDict_Type, &agents, &PyList_Type, &revisions,
                                     &self->depth, &event_bytes, &append_bytes, &self->batch_events))
        return -1;
    for (int each = 0; each < FIELDS; each++) {
        PyObject *member = PyDict_GetItemString(event_type->tp_dict, FIELD_NAMES[each]);
        if (member == NULL || Py_TYPE(member) != &PyMemberDescr_Type ||
            ((PyMemberDescrObject *)member)->d_member->type != T_OBJECT_EX) {
            PyErr_Format(PyExc_TypeError, "%s has no slot %s", event_type->tp_name, FIELD_NAMES[each]);
            return -1;
        }
        self->at[each] = ((PyMemberDescrObject *)member)->d_member->offset;
    }
    self->event_bytes = (size_t)event_bytes;
    self->append_bytes = (size_t)append_bytes;
    Py_XSETREF(self->event_type, (PyTypeObject *)Py_NewRef((PyObject *)event_type));
    Py_XSETREF(self->streams, Py_NewRef(streams));
    Py_XSETREF(self->types, Py_NewRef(types));
    Py_XSETREF(self->agents, Py_NewRef(agents));
    Py_XSETREF(self->revisions, Py_NewRef(revisions));
    return 0;
}

static void Framer_dealloc(Framer *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(self->out.bytes);
    Py_XDECREF(self->event_type);
    Py_XDECREF(self->streams);
    Py_XDECREF(self->types);
    Py_XDECREF(self->agents);
    Py_XDECREF(self->revisions);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyMethodDef Framer_methods[] = {
    {"frame", (PyCFunction)(void (*)(void))Framer_frame, METH_FASTCALL, frame_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot Framer_slots[] = {
    {Py_tp_doc, "Frames the appends of one log; keeps the tables that it is given and moves `revisions` on."},
    {Py_tp_init, Framer_init},
    {Py_tp_dealloc, Framer_dealloc},
    {Py_tp_methods, Framer_methods},
    {Py_tp_new, PyType_GenericNew},
    {0, NULL},
};

static PyType_Spec Framer_spec = {
    .name = "store.writing._native.Framer",
    .basicsize = sizeof(Framer),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = Framer_slots,
};

static int fill(PyObject *module)
{
    make_crc_table();
    PyObject *framer = PyType_FromSpec(&Framer_spec);
    if (framer == NULL)
        return -1;
    int added = PyModule_AddObjectRef(module, "Framer", framer);
    Py_DECREF(framer);
    return added;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "store.writing._native",
    .m_doc = "The optional native part of appending.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module);
}

// A HIP runtime for the tests: IREE's own HIP driver loads it as libamdhip64.so and finds devices that do as they are
// told. It cannot run AMD's machine code. The one kernel that it knows, by its name, adds vectors of floats.
//
// The variable STAND_IN_HIP tells it what to do, in words:
//
//   devices=N         how many devices there are, 1 by default, each with a UUID; none gives hipErrorNoDevice
//   name=TEXT         the name of the devices
//   chip=TEXT         their chip, gfx942 by default
//   fails=N:CODE      the Nth launch, from 1, gives this code, such as 719, and so does every later call on the device
//   aborts=N          the Nth launch ends the process as the runtime does after a memory fault
//   hangs=N           the Nth launch never ends
//   slow=MILLISECONDS each launch takes so long
//   memory=BYTES      no device has more
//   wrong=TEXT,...    kernels with one of these in their name, or as digest of their code object, give wrong results
#define _GNU_SOURCE
#ifndef TOLD
#define TOLD NULL  // what counts without the variable
#endif
#include <elf.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, NOT_SUPPORTED = 801 };
typedef struct { char digest[17]; } Module;
typedef struct { Module* module; char name[256]; } Kernel;
typedef struct Call { void (*function)(void*); void* data; struct Call* next; } Call;

static __thread intptr_t context;  // the number of the device, from 1
static int failure, launches;
static size_t taken_bytes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Call *first_call, **last_call = &first_call;
static int calls_left;

// Returns what follows `word=` in the variable, up to a space, or NULL.
static const char* told(const char* word) {
  static __thread char value[256];
  const char *text = getenv("STAND_IN_HIP") ? getenv("STAND_IN_HIP") : TOLD, *found = text ? strstr(text, word) : NULL;
  return found && sscanf(found + strlen(word), "=%255[^ ]", value) == 1 ? value : NULL;
}

static long number(const char* word, long otherwise) { return told(word) ? atol(told(word)) : otherwise; }

// What does nothing here. Callers pass arguments, which are ignored.
#define DOES_NOTHING(name) \
  int name(void) { return failure; }
DOES_NOTHING(hipInit)
DOES_NOTHING(hipDeviceCanAccessPeer)
DOES_NOTHING(hipDeviceEnablePeerAccess)
DOES_NOTHING(hipDevicePrimaryCtxRelease)
DOES_NOTHING(hipEventDestroy)
DOES_NOTHING(hipEventElapsedTime)
DOES_NOTHING(hipEventQuery)
DOES_NOTHING(hipEventRecord)
DOES_NOTHING(hipEventSynchronize)
DOES_NOTHING(hipFuncSetAttribute)
DOES_NOTHING(hipGetLastError)
DOES_NOTHING(hipHostRegister)
DOES_NOTHING(hipHostUnregister)
DOES_NOTHING(hipMemPoolDestroy)
DOES_NOTHING(hipMemPoolGetAttribute)
DOES_NOTHING(hipMemPoolSetAttribute)
DOES_NOTHING(hipMemPoolTrimTo)
DOES_NOTHING(hipMemPrefetchAsync)
DOES_NOTHING(hipModuleUnload)
DOES_NOTHING(hipSetDevice)
DOES_NOTHING(hipStreamDestroy)
DOES_NOTHING(hipStreamWaitEvent)

#define IS_NOT_SUPPORTED(name) \
  int name(void) { return NOT_SUPPORTED; }
IS_NOT_SUPPORTED(hipGraphAddEmptyNode)
IS_NOT_SUPPORTED(hipGraphAddEventRecordNode)
IS_NOT_SUPPORTED(hipGraphAddKernelNode)
IS_NOT_SUPPORTED(hipGraphAddMemsetNode)
IS_NOT_SUPPORTED(hipGraphCreate)
IS_NOT_SUPPORTED(hipGraphDestroy)
IS_NOT_SUPPORTED(hipGraphExecDestroy)
IS_NOT_SUPPORTED(hipGraphInstantiate)
IS_NOT_SUPPORTED(hipGraphLaunch)
IS_NOT_SUPPORTED(hipLaunchKernel)
IS_NOT_SUPPORTED(hipModuleGetGlobal)

// What gives a handle that is never looked at.
#define GIVES_A_HANDLE(name)     \
  int name(void** handle) {      \
    *handle = (void*)(intptr_t)1; \
    return failure;              \
  }
GIVES_A_HANDLE(hipEventCreate)
GIVES_A_HANDLE(hipEventCreateWithFlags)
GIVES_A_HANDLE(hipMemPoolCreate)
GIVES_A_HANDLE(hipStreamCreateWithFlags)

static const char* error_name(int code) {
  switch (code) {
    case SUCCESS: return "hipSuccess";
    case OUT_OF_MEMORY: return "hipErrorOutOfMemory";
    case NO_DEVICE: return "hipErrorNoDevice";
    case INVALID_DEVICE: return "hipErrorInvalidDevice";
    case 214: return "hipErrorECCNotCorrectable";
    case 700: return "hipErrorIllegalAddress";
    case 719: return "hipErrorLaunchFailure";
    case NOT_SUPPORTED: return "hipErrorNotSupported";
    default: return "hipErrorUnknown";
  }
}
const char* hipGetErrorName(int code) { return error_name(code); }
const char* hipGetErrorString(int code) { return error_name(code); }

// Devices: those that ROCR_VISIBLE_DEVICES lists by UUID or number, and of these the ones that HIP_VISIBLE_DEVICES lists.
static uint64_t unique_id(int device) { return 0x9ba5000000000001 + device; }

static int listed(const char* variable, int* devices, int count) {
  char text[4096], *rest = text, *word;
  int found[64], kept = 0;
  if (!getenv(variable)) return count;
  snprintf(text, sizeof text, "%s", getenv(variable));
  while ((word = strsep(&rest, ","))) {
    for (int at = 0; at < count; ++at) {
      int is_it = strncmp(word, "GPU-", 4) ? atoi(word) == at : strtoull(word + 4, NULL, 16) == unique_id(devices[at]);
      if (is_it) found[kept++] = devices[at];
    }
  }
  memcpy(devices, found, sizeof found);
  return kept;
}

static int visible[64];

int hipGetDeviceCount(int* count) {
  for (int at = 0; at < 64; ++at) visible[at] = at;
  *count = listed("HIP_VISIBLE_DEVICES", visible, listed("ROCR_VISIBLE_DEVICES", visible, number("devices", 1)));
  return *count ? SUCCESS : NO_DEVICE;
}

int hipDeviceGet(int* device, int index) {
  int count = 0;
  hipGetDeviceCount(&count);
  *device = index;
  return index < count ? SUCCESS : INVALID_DEVICE;
}

int hipDeviceGetName(char* name, int length, int device) {
  snprintf(name, length, "%s", told("name") ? told("name") : "Stand-in");
  return SUCCESS;
}

int hipDeviceGetUuid(uint8_t uuid[16], int device) {
  char text[17];  // as AMD's runtime has it: the digits of the number that the kernel's driver shows
  snprintf(text, sizeof text, "%016lx", unique_id(visible[device]));
  memcpy(uuid, text, 16);
  return SUCCESS;
}

int hipGetDeviceProperties(uint8_t* properties, int device) {
  enum { BYTES = 792, CHIP = 396, CHIP_BYTES = 256 };  // of hipDeviceProp_tR0000, and of its gcnArchName
  memset(properties, 0, BYTES);
  snprintf((char*)properties + CHIP, CHIP_BYTES, "%s", told("chip") ? told("chip") : "gfx942");
  return SUCCESS;
}

int hipDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute >= 26 && attribute <= 28 ? 1024 : attribute == 9 ? 0 : 65536;
  return SUCCESS;
}

int hipFuncGetAttribute(int* value) {
  *value = 0;
  return SUCCESS;
}

int hipDevicePrimaryCtxRetain(void** handle, int device) {
  *handle = (void*)(intptr_t)(device + 1);
  return SUCCESS;
}

int hipCtxSetCurrent(void* handle) {
  context = (intptr_t)handle;
  return SUCCESS;
}

int hipCtxPushCurrent(void* handle) { return hipCtxSetCurrent(handle); }

int hipCtxGetCurrent(void** handle) {
  *handle = (void*)context;
  return SUCCESS;
}

int hipCtxPopCurrent(void** handle) { return handle ? hipCtxGetCurrent(handle) : SUCCESS; }

// After a failure IREE's driver uses memory that it has freed, and crashes once in ten times. So nothing is freed then;
// this counts only where the library is preloaded.
void free(void* memory) {
  extern void __libc_free(void*);
  if (!failure) __libc_free(memory);
}

// Memory is that of the host.
static int allocate(void** memory, size_t bytes) {
  taken_bytes += bytes;
  if (failure || taken_bytes > (size_t)number("memory", INT64_MAX)) return failure ? failure : OUT_OF_MEMORY;
  return posix_memalign(memory, 256, bytes + 256) ? OUT_OF_MEMORY : SUCCESS;
}

int hipMalloc(void** memory, size_t bytes) { return allocate(memory, bytes); }
int hipMallocManaged(void** memory, size_t bytes) { return allocate(memory, bytes); }
int hipMallocAsync(void** memory, size_t bytes) { return allocate(memory, bytes); }
int hipMallocFromPoolAsync(void** memory, size_t bytes) { return allocate(memory, bytes); }
int hipHostMalloc(void** memory, size_t bytes) { return allocate(memory, bytes); }

int hipHostGetDevicePointer(void** device, void* host) {
  *device = host;
  return SUCCESS;
}

int hipFree(void* memory) {
  free(memory);
  return SUCCESS;
}
int hipFreeAsync(void* memory) { return hipFree(memory); }
int hipHostFree(void* memory) { return hipFree(memory); }

// What is queued on a stream is done at once, except for the calls of functions of the host.
int hipMemcpyAsync(void* to, const void* from, size_t bytes) {
  memmove(to, from, bytes);
  return failure;
}
int hipMemcpy(void* to, const void* from, size_t bytes) { return hipMemcpyAsync(to, from, bytes); }
int hipMemcpyHtoDAsync(void* to, const void* from, size_t bytes) { return hipMemcpyAsync(to, from, bytes); }

int hipMemsetAsync(void* to, int value, size_t bytes) {
  memset(to, value, bytes);
  return failure;
}
int hipMemset(void* to, int value, size_t bytes) { return hipMemsetAsync(to, value, bytes); }
int hipMemsetD8Async(void* to, char value, size_t count) { return hipMemsetAsync(to, value, count); }
int hipMemsetD16Async(uint16_t* to, short value, size_t count) {
  while (count--) *to++ = value;
  return failure;
}
int hipMemsetD32Async(uint32_t* to, int value, size_t count) {
  while (count--) *to++ = value;
  return failure;
}

// Calls functions of the host in order, in a thread of its own: they take locks that the caller of HIP may hold.
static void* call_all(void* unused) {
  pthread_mutex_lock(&lock);
  for (;;) {
    while (!first_call) pthread_cond_wait(&changed, &lock);
    Call* call = first_call;
    first_call = call->next;
    if (!first_call) last_call = &first_call;
    pthread_mutex_unlock(&lock);
    call->function(call->data);
    free(call);
    pthread_mutex_lock(&lock);
    --calls_left;
    pthread_cond_broadcast(&changed);
  }
  return NULL;
}

int hipLaunchHostFunc(void* stream, void (*function)(void*), void* data) {
  static pthread_t thread;
  Call* call = malloc(sizeof *call);
  *call = (Call){function, data, NULL};
  pthread_mutex_lock(&lock);
  if (!thread) pthread_create(&thread, NULL, call_all, NULL);
  *last_call = call;
  last_call = &call->next;
  ++calls_left;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return SUCCESS;
}

int hipStreamSynchronize(void* stream) {
  pthread_mutex_lock(&lock);
  while (calls_left) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  return failure;
}

// A code object is an ELF file; its digest is FNV-1a of all of it.
int hipModuleLoadData(Module** module, const uint8_t* image) {
  const Elf64_Ehdr* head = (const Elf64_Ehdr*)image;
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t at = 0; at < head->e_shoff + head->e_shnum * head->e_shentsize; ++at) {
    hash = (hash ^ image[at]) * 0x100000001b3u;
  }
  *module = calloc(1, sizeof **module);
  snprintf((*module)->digest, sizeof (*module)->digest, "%016lx", hash);
  return failure;
}
int hipModuleLoadDataEx(Module** module, const uint8_t* image) { return hipModuleLoadData(module, image); }

int hipModuleGetFunction(Kernel** kernel, Module* module, const char* name) {
  *kernel = calloc(1, sizeof **kernel);
  (*kernel)->module = module;
  snprintf((*kernel)->name, sizeof (*kernel)->name, "%s", name);
  return SUCCESS;
}

// Whether a kernel is among those that are to give wrong results.
static int is_wrong(const Kernel* kernel) {
  const char* wrong = told("wrong");
  char texts[256], *rest = texts, *text;
  if (!wrong) return 0;
  snprintf(texts, sizeof texts, "%s", wrong);
  while ((text = strsep(&rest, ","))) {
    if (strstr(kernel->name, text) || !strcmp(kernel->module->digest, text)) return 1;
  }
  return 0;
}

// Does the work of a kernel such as `add_dispatch_0_elementwise_4_f32`: the third buffer is the sum of the others.
static void add(const Kernel* kernel, void** parameters) {
  const char* found = strstr(kernel->name, "_elementwise_");
  int count = found ? atoi(found + strlen("_elementwise_")) : 0, off = is_wrong(kernel);
  for (int at = 0; at < count; ++at) {
    float *left = *(float**)parameters[0], *right = *(float**)parameters[1], *sum = *(float**)parameters[2];
    sum[at] = left[at] + right[at] + off;
  }
}

int hipModuleLaunchKernel(Kernel* kernel, unsigned x, unsigned y, unsigned z, unsigned block_x, unsigned block_y,
                          unsigned block_z, unsigned shared_bytes, void* stream, void** parameters) {
  int at = __sync_add_and_fetch(&launches, 1), fails_at = 0, code = 0;
  if (told("fails") && sscanf(told("fails"), "%d:%d", &fails_at, &code) == 2 && at == fails_at) failure = code;
  if (number("aborts", 0) == at) {
    fprintf(stderr, "Memory access fault by GPU node-%ld (Agent handle: %p) on address %p. Reason: Unknown.\n",
            (long)context, (void*)kernel, (void*)parameters);
    abort();
  }
  while (number("hangs", 0) == at) pause();
  usleep(1000 * number("slow", 0));
  if (!failure) add(kernel, parameters);
  return failure;
}

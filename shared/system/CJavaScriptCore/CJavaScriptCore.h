#pragma once
#include <JavaScriptCore/JavaScript.h>

// Exported by the library but absent from its installed headers.

/// Sets the function that is called with (promise, reason) for each promise that was rejected and has no handler.
void JSGlobalContextSetUnhandledRejectionCallback(JSGlobalContextRef context, JSObjectRef function, JSValueRef *exception);

/// Collects garbage before it returns; `JSGarbageCollect` only asks for a collection that would need the main loop to run.
void JSSynchronousGarbageCollectForDebugging(JSContextRef context);

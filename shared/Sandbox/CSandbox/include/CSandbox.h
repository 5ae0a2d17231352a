#pragma once
#include "attempts.h"
#include "memory.h"
#include "protocol.h"
#include "process.h"
#include "zygote.h"

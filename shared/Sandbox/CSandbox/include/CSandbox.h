#pragma once
#include "protocol.h"
#include "process.h"
#include "zygote.h"

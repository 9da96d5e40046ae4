# Warnings are errors; each flag stands for a class of defect.
add_library(aloft_warnings INTERFACE)
target_compile_options(aloft_warnings INTERFACE
  -Wall -Wextra -Werror
  -Wshadow                # a name that hides another reads as the wrong one
  -Wnon-virtual-dtor      # deleting through a base without a virtual destructor
  -Wold-style-cast        # casts that say nothing of what they change
  -Wcast-qual             # silently dropped const
  -Wunused                # dead code
  -Woverloaded-virtual    # an override that is none
  -Wconversion -Wsign-conversion # sizes near 2^63 must not wrap unseen
  -Wformat=2              # format strings from data
  -Wimplicit-fallthrough  # forgotten break
  -Wno-missing-field-initializers # designated initialisers leave the rest at their defaults on purpose
)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(aloft_warnings INTERFACE
    -Wduplicated-cond -Wlogical-op
    -Wno-subobject-linkage # of several files read as one (unity build) all but the first look like headers
    -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds -Wno-dangling-pointer -Wno-free-nonheap-object # false alarms of g++ 12 inside libstdc++ (GCC PR 105651, 105329)
  )
else()
  target_compile_options(aloft_warnings INTERFACE -Wno-error) # clang makes fuzz targets only, and warns of libstdc++ 12's own headers
endif()

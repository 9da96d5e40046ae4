# aloft_console(TARGET): builds console/ and links it into TARGET as one block of bytes, between _binary_console_pack_start and _end.
# See docs/decisions/0017-console-in-the-server.md.
function(aloft_console target)
  find_program(ALOFT_NPM npm)
  if(NOT ALOFT_NPM)
    message(FATAL_ERROR "The web console needs node and npm: ./dev setup installs them. Or configure with -DALOFT_CONSOLE=OFF.")
  endif()
  set(source ${PROJECT_SOURCE_DIR}/console)
  set(built ${CMAKE_CURRENT_BINARY_DIR}/console)
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${source}/src/* ${source}/tools/* ${source}/*.json ${source}/*.ts ${source}/index.html)
  list(FILTER inputs EXCLUDE REGEX "/node_modules/|/schema\\.d\\.ts$")
  list(APPEND inputs ${source}/build ${PROJECT_SOURCE_DIR}/docs/openapi.yaml ${PROJECT_SOURCE_DIR}/docs/error-codes.md)
  add_custom_command(OUTPUT ${built}/console.pack DEPENDS ${inputs}
    COMMAND ${source}/build ${built}/console.pack
    COMMENT "Building the web console" VERBATIM)
  add_custom_command(OUTPUT ${built}/console_pack.o DEPENDS ${built}/console.pack WORKING_DIRECTORY ${built}
    COMMAND ${CMAKE_LINKER} -r -b binary -z noexecstack -o console_pack.o console.pack
    COMMENT "Embedding the web console" VERBATIM)
  target_sources(${target} PRIVATE ${built}/console_pack.o)
  set_source_files_properties(${built}/console_pack.o PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_compile_definitions(${target} PUBLIC ALOFT_CONSOLE)
endfunction()

using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using Overlay.Linux.Tests;
using Xunit;

[assembly: SupportedOSPlatform("linux")]
[assembly: DisableRuntimeMarshalling]
[assembly: TestCollectionOrderer(typeof(LongestFirst))]

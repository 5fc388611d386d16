using Overlay.Linux.Interop;

namespace Overlay.Linux.Tests;

/// <summary>A kernel that answers writes to a TAP as it is told; what it is told to take, the real one gets.</summary>
internal sealed unsafe class ScriptedFrameWriter : FrameWriter
{
    public required Queue<Errno> Answers { get; init; }

    public override Errno Write(int device, IoVector* vectors, int count)
    {
        Errno answer = Answers.Dequeue();
        return answer == Errno.None ? base.Write(device, vectors, count) : answer;
    }
}
